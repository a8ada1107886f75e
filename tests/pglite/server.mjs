// SPDX-License-Identifier: BSD-3-Clause
//
// A PostgreSQL with pgvector in memory. Prints its port when it is ready; lives until its standard
// input ends.
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";

const db = await PGlite.create({ extensions: { vector } });
const server = new PGLiteSocketServer({
  db,
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  maxConnections: 20,
});
await server.start();
console.log("ready");
process.stdin.on("end", () => process.exit(0));
process.stdin.resume();
