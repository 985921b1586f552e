// Copyright (c) 2026, goldenimage.azure contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
// Lets blobs be copied from the shared access signature of a managed disk or snapshot, which the emulator serves on
// another port: Copy Blob and Put Page From URL. Azurite itself copies between its own blobs only. Copy Blob is over
// when it is answered; only the pages that are written at the source are moved.
"use strict";

const fs = require("fs");
const https = require("https");
const path = require("path");
const { Readable } = require("stream");
const { randomUUID } = require("crypto");
const { INTERNAL } = require("./faults");
const BlobHandler = require("azurite/dist/src/blob/handlers/BlobHandler").default;
const PageBlobHandler = require("azurite/dist/src/blob/handlers/PageBlobHandler").default;
const BlobStorageContext = require("azurite/dist/src/blob/context/BlobStorageContext").default;
const StorageErrorFactory = require("azurite/dist/src/blob/errors/StorageErrorFactory").default;
const { BLOB_API_VERSION } = require("azurite/dist/src/blob/utils/constants");
const permissions = require("azurite/dist/src/blob/authentication/OperationBlobSASPermission");
const Operation = require("azurite/dist/src/blob/generated/artifacts/operation").default;
const { convertRawHeadersToMetadata, newEtag } = require("azurite/dist/src/common/utils/utils");

const CHUNK = 4 << 20;
const LOCAL = new Set(["localhost", "127.0.0.1", "[::1]"]);
const authority = path.join(path.dirname(process.env.REQUEST_LOG), "tls", "ca.pem");

// Azurite does not know which permission of a signature Put Page From URL needs: that to write, as Put Page.
for (const known of [permissions.OPERATION_BLOB_SAS_BLOB_PERMISSIONS, permissions.OPERATION_BLOB_SAS_CONTAINER_PERMISSIONS]) {
  known.set(Operation.PageBlob_UploadPagesFromURL, known.get(Operation.PageBlob_UploadPages));
}

/** Whether a source is the blob of a disk. */
function isDisk(source) {
  const url = new URL(source);
  return LOCAL.has(url.hostname) && url.pathname.startsWith("/_disks/");
}

/** One request to the emulator's endpoint of disks. */
function ask(method, source, query = "", range = "") {
  const headers = { "User-Agent": INTERNAL, "x-ms-version": "2021-08-06", ...(range && { "x-ms-range": range }) };
  return new Promise((resolve, reject) => {
    const options = { method, headers, ca: fs.readFileSync(authority) };
    const request = https.request(source + query, options, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) }));
      answer.on("error", reject);
    });
    request.on("error", reject);
    request.end();
  });
}

/** The answer of the source, or the error that Azure gives for a source that cannot be read. */
async function read(context, ...request) {
  const answer = await ask(...request);
  if (answer.status !== 200 && answer.status !== 206) {
    const message = `Could not verify the copy source, which answered with status ${answer.status}.`;
    throw StorageErrorFactory.getCannotVerifyCopySource(context.contextId, answer.status, message);
  }
  return answer;
}

/** [first, last] of every written part. */
async function writtenRanges(context, source) {
  const list = (await read(context, "GET", source, "&comp=pagelist")).body.toString();
  return [...list.matchAll(/<PageRange><Start>(\d+)<\/Start><End>(\d+)<\/End>/g)].map((found) => [Number(found[1]), Number(found[2])]);
}

async function write(handler, context, blob, first, body) {
  const persistency = await handler.extentStore.appendExtent(Readable.from([body]), context.contextId);
  return handler.metadataStore.uploadPages(context, blob, first, first + body.length - 1, persistency);
}

/** The description of a page blob that was copied as a whole, as Azurite keeps it. */
function described(context, source, length) {
  const target = new BlobStorageContext(context);
  const date = context.startTime;
  return {
    deleted: false,
    metadata: convertRawHeadersToMetadata(target.request.getRawHeaders(), context.contextId),
    accountName: target.account,
    containerName: target.container,
    name: target.blob,
    properties: {
      creationTime: date,
      lastModified: date,
      etag: newEtag(),
      contentLength: length,
      contentType: "application/octet-stream",
      blobSequenceNumber: 0,
      blobType: "PageBlob",
      leaseStatus: "unlocked",
      leaseState: "available",
      serverEncrypted: true,
      copyId: randomUUID(),
      copyStatus: "success",
      copySource: source.split("?")[0],
      copyProgress: `${length}/${length}`,
      copyCompletionTime: date,
    },
    snapshot: "",
    isCommitted: true,
    pageRangesInOrder: [],
  };
}

const startCopyFromURL = BlobHandler.prototype.startCopyFromURL;
BlobHandler.prototype.startCopyFromURL = async function (source, options, context) {
  if (!isDisk(source)) return startCopyFromURL.call(this, source, options, context);
  const length = Number((await read(context, "HEAD", source)).headers["content-length"]);
  const blob = described(context, source, length);
  await this.metadataStore.createBlob(context, blob, options.leaseAccessConditions, options.modifiedAccessConditions);
  for (const [first, last] of await writtenRanges(context, source)) {
    for (let start = first; start <= last; start += CHUNK) {
      const end = Math.min(start + CHUNK - 1, last);
      await write(this, context, blob, start, (await read(context, "GET", source, "", `bytes=${start}-${end}`)).body);
    }
  }
  return {
    statusCode: 202,
    eTag: blob.properties.etag,
    lastModified: blob.properties.lastModified,
    requestId: context.contextId,
    version: BLOB_API_VERSION,
    date: context.startTime,
    copyId: blob.properties.copyId,
    copyStatus: blob.properties.copyStatus,
    clientRequestId: options.requestId,
  };
};

const uploadPagesFromURL = PageBlobHandler.prototype.uploadPagesFromURL;
PageBlobHandler.prototype.uploadPagesFromURL = async function (source, sourceRange, length, range, options, context) {
  if (!isDisk(source)) return uploadPagesFromURL.call(this, source, sourceRange, length, range, options, context);
  const target = new BlobStorageContext(context);
  const [first, last] = range.replace("bytes=", "").split("-").map(Number);
  const body = (await read(context, "GET", source, "", sourceRange)).body;
  if (first % 512 || last - first + 1 !== body.length || body.length % 512 || body.length > CHUNK) {
    throw StorageErrorFactory.getInvalidPageRange(context.contextId);
  }
  const blob = await this.metadataStore.downloadBlob(context, target.account, target.container, target.blob, undefined, options.leaseAccessConditions);
  if (last >= blob.properties.contentLength) throw StorageErrorFactory.getInvalidPageRange(context.contextId);
  const result = await write(this, context, blob, first, body);
  return {
    statusCode: 201,
    eTag: result.etag,
    lastModified: context.startTime,
    blobSequenceNumber: result.blobSequenceNumber,
    requestId: context.contextId,
    version: BLOB_API_VERSION,
    date: context.startTime,
    isServerEncrypted: true,
  };
};
