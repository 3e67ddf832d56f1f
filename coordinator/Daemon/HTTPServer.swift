import CoordinatorCore
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import SweepWire

/// Mounts endpoints: version, token, body limit, decoding, the handler, encoding, and errors as answers, the same for
/// every call.
struct EndpointMount: Sendable {
    let tokens: TokenBook
    let logger: Logger
    /// Names under which a browser on this machine may call while no token is asked for (a page from elsewhere must
    /// not).
    let isLoopback: Bool

    /// - Parameter handler: gets the decoded request, and the HTTP request whose body was read.
    func mount<Input: WireRequest, Output: WireResponse>(
        _ endpoint: Endpoint<Input, Output>, on router: Router<BasicRequestContext>,
        _ handler: @escaping @Sendable (Input, Request) async throws -> Output
    ) {
        let names = endpoint.path.split(separator: "/").filter { $0.hasPrefix("{") }.map {
            String($0.dropFirst().dropLast())
        }
        guard let method = HTTPRequest.Method(rawValue: endpoint.method.rawValue) else { return }
        router.on(RouterPath(endpoint.path), method: method) { request, context in
            do {
                var request = request
                try admit(request, endpoint.scopes)
                if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > endpoint.bodyLimit {
                    throw WireError(
                        .tooLarge, "\(endpoint.name): a body of \(length) bytes, at most \(endpoint.bodyLimit)")
                }
                var parameters: [String: String] = [:]
                for (name, value) in request.uri.queryParameters { parameters[String(name)] = String(value) }
                for name in names { parameters[name] = context.parameters.get(name) }
                let body = try await Self.collect(&request, limit: endpoint.bodyLimit, name: endpoint.name)
                let output = try await handler(try Input(parameters: parameters, body: body), request)
                return Self.response(.ok, Output.contentType, try output.body())
            } catch {
                return refuse(error, endpoint.name)
            }
        }
    }

    /// - Throws: `WireError` for a version that is not served, a page from elsewhere, a bad token.
    func admit(_ request: Request, _ scopes: [TokenScope]) throws {
        if let name = HTTPField.Name(ProtocolVersion.header) {
            guard ProtocolVersion.isServed(request.headers[name]) else {
                throw WireError(
                    .upgrade,
                    "protocol \(request.headers[name] ?? "") is not served; wanted \(ProtocolVersion.oldest) to \(ProtocolVersion.current)"
                )
            }
        }
        if tokens.isOpen { try checkOrigin(request) }
        try tokens.check(request.headers[.authorization], wants: scopes)
    }

    /// Without tokens a page of another site could call this coordinator through the user's browser.
    private func checkOrigin(_ request: Request) throws {
        if let authority = request.head.authority, isLoopback, !Self.isLocal(authority) {
            throw WireError(.forbidden, "the host '\(authority)' is not this machine; use 127.0.0.1 or localhost")
        }
        if let origin = request.headers[.origin], let host = URLComponents(string: origin)?.host,
            !CoordinatorConfiguration.isLoopback(host)
        {
            throw WireError(.forbidden, "a page of \(host) may not call this coordinator")
        }
    }

    private static func isLocal(_ authority: String) -> Bool {
        guard let host = URLComponents(string: "http://\(authority)")?.host else { return false }
        return CoordinatorConfiguration.isLoopback(host)
    }

    private static func collect(_ request: inout Request, limit: Int, name: String) async throws -> Data {
        do {
            return Data(try await request.collectBody(upTo: limit).readableBytesView)
        } catch is NIOTooManyBytesError {
            throw WireError(.tooLarge, "\(name): the body has more than \(limit) bytes")
        }
    }

    func refuse(_ error: any Error, _ name: String) -> Response {
        let wire = WireError.from(error)
        if wire.code == .internalFault { logger.error("\(name): \(error)") }
        let status = HTTPResponse.Status(code: wire.status)
        do {
            var response = Self.response(status, "application/json", try WireJSON.encode(wire))
            if let seconds = wire.retryAfter {
                response.headers[.retryAfter] = String(Int(max(1, seconds.rounded(.up))))
            }
            return response
        } catch {
            return Self.response(status, "text/plain", Data(wire.message.utf8))
        }
    }

    static func response(_ status: HTTPResponse.Status, _ type: String, _ body: Data) -> Response {
        var headers: HTTPFields = [.contentType: type, .cacheControl: "no-store"]
        if let name = HTTPField.Name(ProtocolVersion.header) { headers[name] = String(ProtocolVersion.current) }
        if let name = HTTPField.Name("X-Content-Type-Options") { headers[name] = "nosniff" }
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}
