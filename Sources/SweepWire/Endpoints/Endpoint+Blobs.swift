import SweepModel

extension Endpoint<BlobBegin, BlobStatus> {
    /// Starts an upload, or joins the one that is open. `complete` means that the blob is there already; it
    /// is then kept for 24 h even if nothing refers to it yet. An upload without progress for 24 h is
    /// dropped.
    package static var beginBlob: Self { Endpoint("beginBlob", .post, "/v1/blobs", scopes: [.worker, .submit]) }
}

extension Endpoint<BlobsRequest, BlobsMissing> {
    /// Which of these blobs are not in the store. Those that are there are kept for 24 h.
    package static var missingBlobs: Self {
        Endpoint("missingBlobs", .post, "/v1/blobs/missing", scopes: [.worker, .submit], bodyLimit: WireLimit.launch)
    }
}

extension Endpoint<BlobRequest, BlobStatus> {
    /// How far an upload is: chunks that are not durable yet.
    package static var blobStatus: Self {
        Endpoint("blobStatus", .get, "/v1/blobs/{sha256}/status", scopes: [.worker, .submit])
    }

    /// Ends an upload: all chunks are checked against the SHA-256, then the blob exists. 409 `conflict` while
    /// chunks are missing or when the content does not have the digest (the upload is then dropped). Answered
    /// after file and folder are on disk and in the ledger.
    package static var commitBlob: Self {
        Endpoint("commitBlob", .post, "/v1/blobs/{sha256}/commit", scopes: [.worker, .submit])
    }
}

extension Endpoint<BlobChunk, BlobStatus> {
    /// Writes chunk `index`; any order, repeats are harmless, durable when answered. Every chunk but the last
    /// has `chunkBytes`.
    package static var putChunk: Self {
        Endpoint(
            "putChunk", .put, "/v1/blobs/{sha256}/chunks/{index}", scopes: [.worker, .submit],
            bodyLimit: WireLimit.chunk + 4096)
    }
}

extension Endpoint<BlobRange, RawBytes> {
    /// A piece of a blob, at most one chunk; 404 when it is not in the store.
    package static var getBlob: Self { Endpoint("getBlob", .get, "/v1/blobs/{sha256}", scopes: [.read]) }
}
