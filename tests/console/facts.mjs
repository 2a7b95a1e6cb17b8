// Prints what the lanes show of a log, for a comparison with the picture that Python paints.

import { readFileSync } from "node:fs";

import { CallLanes } from "./static/lanes.js";

const call = new CallLanes();
for (const line of readFileSync(process.argv[2], "utf8").split("\n")) call.readText(line);
call.finish();
const facts = Object.values(call.lanes).flat();
console.log(JSON.stringify(facts.map(({ look, begins, ends, number }) => [look, begins, ends, number])));
