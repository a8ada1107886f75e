// SPDX-License-Identifier: BSD-3-Clause
//
// A DynamoDB in memory. Says when it is ready; lives until its standard input ends.
import dynalite from "dynalite";

const server = dynalite({ createTableMs: 0 });
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("ready"));
process.stdin.on("end", () => process.exit(0));
process.stdin.resume();
