// Copyright (c) 2026, goldenimage.azure contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
// The plan of faults for requests to blobs: the rules of core/faults.py, with counts and chances of this process.
// Their action names are Storage/blob/read and Storage/blob/write, their paths begin with /_blobs.
"use strict";

const https = require("https");

const CODES = { 429: "TooManyRequests", 500: "InternalError", 503: "ServerBusy", 504: "GatewayTimeout" };
// How the emulator's own calls name their sender, as core/faults.py does: they are spared.
const INTERNAL = "azure-emulator-internal";
let rules = [];

// A small generator (mulberry32) from a text: the n-th request that fits a rule always has the same fate.
function chanceOf(text) {
  let state = [...text].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 16777619), 2166136261);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function expression(text, name) {
  try {
    return new RegExp(text, "i");
  } catch (problem) {
    console.log(`faults: ${name} ${text} fits nothing here: ${problem.message}`);
    return /$^/;
  }
}

function globbed(text) {
  const escaped = text.replace(/[.+^${}()|\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".");
  return expression(`^${escaped}$`, "route");
}

function setPlan(plan) {
  rules = (plan.rules || []).map((rule, at) => ({
    method: (rule.method || "").toUpperCase(),
    path: expression(rule.path || "", "path"),
    route: rule.route ? globbed(rule.route) : /^/,
    probability: rule.probability === undefined ? 1 : rule.probability,
    nth: [rule.nth || []].flat(),
    times: rule.times || 0,
    after: rule.when === "after",
    faults: rule.faults || [rule.fault],
    chance: chanceOf(`${plan.seed}:${at}`),
    seen: 0,
    done: 0,
  }));
}

function faultOf(method, path) {
  const route = `Storage/blob/${["GET", "HEAD"].includes(method) ? "read" : "write"}`;
  for (const rule of rules) {
    const over = rule.times && rule.done >= rule.times;
    if (over || ![method, ""].includes(rule.method) || !rule.path.test(path) || !rule.route.test(route)) continue;
    rule.seen += 1;
    const luck = rule.chance();
    const choice = rule.faults[Math.floor(rule.chance() * rule.faults.length)];
    if ((rule.nth.length && !rule.nth.includes(rule.seen)) || luck >= rule.probability) continue;
    rule.done += 1;
    return { ...choice, after: rule.after };
  }
  return null;
}

// How the request log calls it, as core/faults.py does.
function nameOf(fault) {
  const kind = fault.status ? `status ${fault.status}` : ["reset", "timeout", "slow"].find((name) => fault[name]) || "delay";
  return fault.after ? `${kind} after` : kind;
}

function refuse(fault, response) {
  const code = fault.code || CODES[fault.status] || "Fault";
  const text = `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${fault.message || "A planned fault."}</Message></Error>`;
  const headers = { "Content-Type": "application/xml", "x-ms-error-code": code };
  if (fault.retry_after !== undefined && fault.retry_after !== null) headers["Retry-After"] = String(fault.retry_after);
  response.getHeaderNames().forEach((name) => response.removeHeader(name));
  response.writeHead(fault.status, headers);
  response.end(text);
}

function strike(fault, request, response, log) {
  if (fault.status) return refuse(fault, response);
  log(request, 0, nameOf(fault));
  return setTimeout(() => request.socket.destroy(), (fault.timeout || 0) * 1000);
}

// What the handler answers is kept from the client; the fault follows once the handler is done.
function swallow(fault, request, response, log) {
  let over = false;
  response.writeHead = () => response;
  response.write = (_chunk, encoding, done) => {
    const call = typeof encoding === "function" ? encoding : done;
    if (call) setImmediate(call);
    return true;
  };
  response.end = () => {
    if (over) return response;
    over = true;
    delete response.writeHead;
    delete response.write;
    delete response.end;
    strike(fault, request, response, log);
    return response;
  };
}

function install(log) {
  const emit = https.Server.prototype.emit;
  https.Server.prototype.emit = function (event, request, response) {
    const own = event === "request" && request.headers["user-agent"] === INTERNAL;
    if (event !== "request" || own || !rules.length) return emit.apply(this, arguments);
    const fault = faultOf(request.method, `/_blobs${new URL(request.url, "https://localhost").pathname}`);
    if (!fault) return emit.apply(this, arguments);
    response.fault = nameOf(fault);
    const ending = fault.status || fault.reset || fault.timeout;
    if (fault.after) swallow(fault, request, response, log);
    if (fault.slow) {
      const end = response.end;
      response.end = (...given) => setTimeout(() => end.apply(response, given), fault.slow * 1000) && response;
    }
    setTimeout(() => {
      if (!ending || fault.after) return emit.call(this, event, request, response);
      request.resume();
      return strike(fault, request, response, log);
    }, (fault.delay || 0) * 1000);
    return true;
  };
}

module.exports = { INTERNAL, install, setPlan };
