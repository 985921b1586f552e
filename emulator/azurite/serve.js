// Copyright (c) 2026, goldenimage.azure contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
// The blob server as a child of the emulator. Storage accounts and the plan of faults come as lines on standard input,
// each a JSON object {"accounts": {name: base64 key, …}, "plan": {…}} that replaces the one before and is
// acknowledged by "accounts N" on standard output; when the input ends, the parent is gone: save and end.
// Requests are added to the emulator's log, the file that REQUEST_LOG names, as core/requestlog.py does.
"use strict";

const fs = require("fs");
const http = require("http");
const https = require("https");
const readline = require("readline");
const faults = require("./faults");
const Accounts = require("azurite/dist/src/common/AccountDataStore").default;
const Loki = require("lokijs");

// Metadata is saved at most this long after a change (Azurite's own choice is 5 s).
const SAVE_MILLISECONDS = 250;

// The most that one page write carries.
const PAGE_WRITE_BYTES = 4 << 20;

const stores = [];
const init = Accounts.prototype.init;
Accounts.prototype.init = function (...given) {
  stores.push(this);
  return init.apply(this, given);
};

require("./disk_sources");

const enable = Loki.prototype.autosaveEnable;
Loki.prototype.autosaveEnable = function (...given) {
  this.autosaveInterval = SAVE_MILLISECONDS;
  return enable.apply(this, given);
};

// Azurite stops a connection until each 16 KiB that came over it (a TLS record) is in the file. With room for a page
// write the file is written in larger pieces, many at once, while more arrives.
const createWriteStream = fs.createWriteStream;
fs.createWriteStream = (path, options) => createWriteStream(path, { highWaterMark: PAGE_WRITE_BYTES, ...options });

// Clients must not delay the end: neither idle ones nor those that are still shaking hands, which closeAllConnections
// does not know and which nobody would answer.
const sockets = new Set();
const listen = https.Server.prototype.listen;
https.Server.prototype.listen = function (...given) {
  this.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  return listen.apply(this, given);
};
const close = https.Server.prototype.close;
https.Server.prototype.close = function (...given) {
  const result = close.apply(this, given);
  this.closeAllConnections();
  sockets.forEach((socket) => socket.destroy());
  return result;
};

// One write to a file opened for appending is one line, whoever else appends; made before the answer is sent.
const log = fs.openSync(process.env.REQUEST_LOG, "a", 0o600);
const writeHead = http.ServerResponse.prototype.writeHead;
http.ServerResponse.prototype.writeHead = function (status, ...given) {
  note(this.req, status, this.fault);
  return writeHead.call(this, status, ...given);
};

function note({ method, url, headers }, status, fault) {
  const { pathname, searchParams } = new URL(url, "https://localhost");
  const query = ["restype", "comp"].filter((name) => searchParams.has(name)).map((name) => `${name}=${searchParams.get(name)}`);
  const reading = ["GET", "HEAD", "OPTIONS"].includes(method) || searchParams.get("comp") === "userdelegationkey";
  const entry = {
    time: Date.now() / 1000,
    method,
    path: `/_blobs${pathname}`,
    query: query.join("&"),
    status,
    seconds: 0,
    write: !reading,
    client_request_id: headers["x-ms-client-request-id"] || "",
    user_agent: (headers["user-agent"] || "").slice(0, 120),
    ...(fault ? { fault } : {}),
  };
  fs.writeSync(log, JSON.stringify(entry) + "\n");
}

faults.install(note);

function replaceAccounts(accounts) {
  process.env.AZURITE_ACCOUNTS = Object.entries(accounts)
    .map(([name, key]) => `${name}:${key}`)
    .join(";");
  stores.forEach((store) => store.refresh());
}

// A killed parent takes the other end of these with it, and Azurite says that it closes before it saves.
process.stdout.on("error", () => {});
process.stderr.on("error", () => {});

const input = readline.createInterface({ input: process.stdin });
let begun = false;
let lines = 0;
input.on("line", (line) => {
  const { accounts, plan } = JSON.parse(line);
  faults.setPlan(plan);
  replaceAccounts(accounts);
  lines += 1;
  console.log(`accounts ${lines}`);
  if (!begun) {
    begun = true;
    require("azurite/dist/src/blob/main");
  }
});
input.on("close", () => {
  if (!begun || !process.emit("SIGTERM")) process.exit(0);
});
