import SweepModel

extension WireSchema {
    fileprivate static let blobState = object([
        "state": one(of: ["unknown", "open", "complete"]), "bytes": integer(0), "chunkBytes": integer(0),
        "missing": array(integer(0)),
    ])

    static let inputList = object([
        "name": text,
        "tree": object([
            "digest": sha256, "isFolder": flag,
            "files": array(object(["path": text, "size": integer(), "sha256": sha256])),
        ]),
    ])
}

extension BlobBegin {
    package static var content: WireContent {
        .json(.object(["sha256": .sha256, "bytes": .integer(0, WireLimit.blob)]))
    }
}

extension BlobStatus {
    package static var content: WireContent { .json(.blobState) }
}

extension BlobRequest {
    package static var content: WireContent { .none }
    package static var parameterList: [WireParameter] { [WireParameter("sha256", .sha256)] }
}

extension BlobsRequest {
    package static var content: WireContent { .json(.object(["sha256": .array(.text, most: WireLimit.digests)])) }
}

extension BlobsMissing {
    package static var content: WireContent { .json(.object(["missing": .array(.text)])) }
}

extension BlobChunk {
    package static var content: WireContent { .bytes }
    package static var parameterList: [WireParameter] {
        [
            WireParameter("sha256", .sha256), WireParameter("index", .integer(0)),
            WireParameter("crc32c", .text(pattern: "^[0-9a-fA-F]{1,8}$")),
        ]
    }
}

extension BlobRange {
    package static var content: WireContent { .none }
    package static var parameterList: [WireParameter] {
        [
            WireParameter("sha256", .sha256), WireParameter("offset", .integer(0), required: false),
            WireParameter("count", .integer(0), required: false),
        ]
    }
}

extension InputRequest {
    package static var content: WireContent { .none }
    package static var parameterList: [WireParameter] { [WireParameter("digest", .sha256)] }
}

extension InputList: WireResponse {
    package static var content: WireContent { .json(.inputList) }
}
