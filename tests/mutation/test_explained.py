"""The list of explained survivors: what it names, and what is wrong with a bad one."""

from __future__ import annotations

from pathlib import Path

import explained
import pytest

DIFF = """--- trio_media/core/turns.py
+++ trio_media/core/turns.py
@@ -1,3 +1,3 @@
 def take(self) -> str:
-    digits = ""
+    digits = None
     return digits"""


def test_a_mutant_is_named_by_the_lines_that_it_changes() -> None:
    assert explained.what_of(DIFF) == '- digits = ""\n+ digits = None'


def test_every_entry_says_where_what_and_why(tmp_path: Path) -> None:
    path = tmp_path / "survivors.toml"
    path.write_text(
        '[[equivalent]]\nfile = "turns.py"\nfunction = "Keys.take"\nwhy = "the same"\n'
        'what = ["- a\\n+ b"]\n'
    )
    assert explained.read_explained(path) == [
        explained.Explained("turns.py", "Keys.take", "the same", ("- a\n+ b",))
    ]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[[equivalent]", "line 1"),
        ('[[equivalent]]\nfile = "turns.py"\n', "function"),
        ('[[equivalent]]\nfile = "f"\nfunction = "g"\nwhy = "w"\nwhat = []\nhow = 1\n', "how"),
    ],
)
def test_a_bad_list_is_an_error_that_names_what_is_wrong(
    tmp_path: Path, text: str, named: str
) -> None:
    path = tmp_path / "survivors.toml"
    path.write_text(text)
    with pytest.raises(explained.SurvivorsError, match=named) as raised:
        explained.read_explained(path)
    assert str(path) in str(raised.value)


def test_the_projects_own_list_is_a_good_one() -> None:
    root = Path(__file__).parents[2]
    for entry in explained.read_explained(root / "scripts" / "mutation_survivors.toml"):
        assert (root / "trio_media" / "core" / entry.file).exists()
        assert entry.why
        assert all(what.startswith(("- ", "+ ")) for what in entry.what)
