"""What a sampler saw is read by function."""

from __future__ import annotations

from profiling import own_samples


def test_samples_are_of_the_function_that_ran_whatever_its_line() -> None:
    raw = "main (a.py:1);work (b.py:2) 3\nmain (a.py:1);work (b.py:9) 4\nmain (a.py:1) 1\n"
    assert own_samples(raw) == {"work (b.py)": 7, "main (a.py)": 1}


def test_waiting_is_not_work() -> None:
    raw = "main (a.py:1);EpollIOManager.get_events (trio/_core/_io_epoll.py:244) 90\n"
    raw += "run (a.py:1);WorkerThread._work (trio/_core/_thread_cache.py:91) 80\n"
    raw += "run (a.py:1);Condition.wait (threading.py:327) 70\n"
    assert own_samples(raw) == {}
