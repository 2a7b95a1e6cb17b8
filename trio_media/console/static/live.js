// Lists the live calls, until there is a better page.
const list = document.getElementById("calls");
const rows = new Map();
const events = new EventSource("/api/events");
events.addEventListener("call", (event) => {
  const call = JSON.parse(event.data);
  const row = rows.get(call.call_sid) ?? list.appendChild(document.createElement("li"));
  rows.set(call.call_sid, row);
  row.textContent = `${call.call_sid} ${call.caller} ${call.floor}`;
});
events.addEventListener("gone", (event) => {
  const { call_sid } = JSON.parse(event.data);
  rows.get(call_sid)?.remove();
  rows.delete(call_sid);
});
