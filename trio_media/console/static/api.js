// Talking to the server: requests, their troubles in words, and what it pushes.

const RETRY_MS = [1000, 2000, 5000, 10000];
const UNSEEN_MS = 5000;

export class Trouble extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function check(response) {
  if (response.ok) return response;
  let told = response.statusText;
  try {
    const problem = await response.json();
    told = problem.detail || problem.title || told;
  } catch {
    // No problem details: the status line has to do.
  }
  if (response.status === 401) document.dispatchEvent(new Event("signed-out"));
  throw new Trouble(told || `status ${response.status}`, response.status);
}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Trouble("The server cannot be reached.", 0);
  }
}

export async function get(path, options) {
  return (await check(await reach(path, options))).json();
}

export async function getResponse(path, options) {
  return check(await reach(path, options));
}

export async function send(path, body) {
  const response = await check(
    await reach(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    }),
  );
  return response.status === 204 ? null : response.json();
}

export async function remove(path) {
  await check(await reach(path, { method: "DELETE" }));
}

export const callPath = (sid, rest = "") => `/api/calls/${encodeURIComponent(sid)}${rest}`;

// What the server pushes.  `heard` maps a kind of event to who is told of its parsed content, and
// of its text; `opened` is called at every connection, for whatever was missed to be fetched.
//
// A page that nobody sees listens no more: of one host a browser has six connections for all pages
// together, and with one more page each of them would wait for ever.
export class Feed {
  constructor(path, { heard, opened, lost }) {
    this.path = path;
    this.heard = heard;
    this.opened = opened;
    this.lost = lost;
    this.tries = 0;
    this.isResting = false;
    this.onSeen = () => this.seen();
    document.addEventListener("visibilitychange", this.onSeen);
    this.connect();
    this.seen();
  }

  seen() {
    clearTimeout(this.resting);
    if (document.hidden) this.resting = setTimeout(() => this.rest(), UNSEEN_MS);
    else if (this.isResting) {
      this.isResting = false;
      this.connect();
    }
  }

  rest() {
    this.isResting = true;
    clearTimeout(this.timer);
    this.source.close();
    this.lost?.();
  }

  connect() {
    this.source = new EventSource(this.path);
    this.source.onopen = () => {
      this.tries = 0;
      document.dispatchEvent(new Event("signed-in"));
      this.opened?.();
    };
    this.source.onerror = () => {
      this.lost?.();
      // The browser tries again by itself, unless the server answered with an error.
      if (this.source.readyState === EventSource.CLOSED) this.again();
    };
    for (const [kind, act] of Object.entries(this.heard)) {
      this.source.addEventListener(kind, ({ data }) => act(JSON.parse(data), data));
    }
  }

  // What the server answered is not told to us: somebody who is signed out has to know.
  again() {
    get("/api/calls?state=live&limit=1").catch(() => {});
    const waitMs = RETRY_MS[Math.min(this.tries, RETRY_MS.length - 1)];
    this.tries += 1;
    this.timer = setTimeout(() => this.connect(), waitMs);
  }

  close() {
    document.removeEventListener("visibilitychange", this.onSeen);
    clearTimeout(this.timer);
    clearTimeout(this.resting);
    this.source.close();
  }
}
