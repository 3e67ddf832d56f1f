package import Foundation

/// What a call sends: named parameters (path and query) and a body.
package protocol WireRequest: Sendable {
    /// Values for the `{name}`s of the path; those the path does not name form the query string.
    var parameters: [String: String] { get }
    /// What parameters there are, and what the body is: the schema that the OpenAPI document is made of.
    static var parameterList: [WireParameter] { get }
    static var content: WireContent { get }
    /// The bytes of the body; empty for none.
    ///
    /// - Throws: `WireError` `internalFault` for what cannot be written.
    func body() throws -> Data
    /// The other direction, used by the server.
    ///
    /// - Throws: `WireError` with code `badRequest` that names the field.
    init(parameters: [String: String], body: Data) throws
}

extension WireRequest where Self: Codable {
    package var parameters: [String: String] { [:] }
    package static var parameterList: [WireParameter] { [] }
    package func body() throws -> Data { try WireJSON.encode(self) }
    package init(parameters: [String: String], body: Data) throws { self = try WireJSON.decode(Self.self, from: body) }
}

/// What a call answers: a body.
package protocol WireResponse: Sendable {
    static var contentType: String { get }
    static var content: WireContent { get }
    /// - Throws: `WireError` `internalFault` for what cannot be written.
    func body() throws -> Data
    init(body: Data) throws
}

extension WireResponse where Self: Codable {
    package static var contentType: String { "application/json" }
    package func body() throws -> Data { try WireJSON.encode(self) }
    package init(body: Data) throws { self = try WireJSON.decode(Self.self, from: body) }
}

/// No parameters and no body; also an answer that says only "done".
package struct Nothing: Codable, Equatable, WireRequest, WireResponse {
    package init() {}
    package init(parameters: [String: String], body: Data) throws {}
    package init(body: Data) throws {}
    package func body() throws -> Data { Data() }
}

/// What can be an item of a list.
package protocol WireItem: Codable, Sendable {
    static var schema: WireSchema { get }
}

/// A list as an answer: `{"items": […]}`, so that fields can be added beside it later.
package struct Items<Item: WireItem>: Codable, Sendable, WireResponse {
    package var items: [Item]
    package init(_ items: [Item]) { self.items = items }
    package static var content: WireContent { .json(.object(["items": .array(Item.schema)])) }
}

/// Bytes as they are (a piece of a blob, an exported file).
package struct RawBytes: Equatable, WireResponse {
    package static let contentType = "application/octet-stream"
    package var bytes: Data
    package init(_ bytes: Data) { self.bytes = bytes }
    package init(body: Data) throws { bytes = body }
    package func body() throws -> Data { bytes }
}
