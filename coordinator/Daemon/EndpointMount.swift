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
    let failures: FailureBook

    /// - Parameter handler: gets the decoded request, and who calls with which HTTP request (its body was read).
    func mount<Input: WireRequest, Output: WireResponse>(
        _ endpoint: Endpoint<Input, Output>, on router: Router<CallContext>,
        _ handler: @escaping @Sendable (Input, Call) async throws -> Output
    ) {
        let names = endpoint.path.split(separator: "/").filter { $0.hasPrefix("{") }.map {
            String($0.dropFirst().dropLast())
        }
        guard let method = HTTPRequest.Method(rawValue: endpoint.method.rawValue) else { return }
        router.on(RouterPath(endpoint.path), method: method) { request, context in
            do {
                var request = request
                let principal = try admit(request, context, endpoint.scopes)
                if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > endpoint.bodyLimit {
                    throw WireError(
                        .tooLarge, "\(endpoint.name): a body of \(length) bytes, at most \(endpoint.bodyLimit)")
                }
                var parameters: [String: String] = [:]
                if request.uri.query != nil {
                    for (name, value) in request.uri.queryParameters {
                        guard parameters.updateValue(String(value), forKey: String(name)) == nil else {
                            throw WireError(.badRequest, "\(endpoint.name): \(name) is given twice")
                        }
                    }
                }
                for name in names { parameters[name] = context.parameters.get(name) }
                let body = try await Self.collect(&request, limit: endpoint.bodyLimit, name: endpoint.name)
                let output = try await handler(
                    try Input(parameters: parameters, body: body), Call(http: request, principal: principal))
                return Self.response(.ok, Output.contentType, try output.body())
            } catch {
                return refuse(error, endpoint.name)
            }
        }
    }

    /// - Throws: `WireError` for a version that is not served, a page from elsewhere, a bad token.
    func admit(_ request: Request, _ context: CallContext, _ scopes: [TokenScope]) throws -> Principal {
        if let name = SafeHeaders.protocolVersion, let fault = ProtocolVersion.fault(request.headers[name]) {
            throw fault
        }
        if tokens.isOpen { try checkOrigin(request) }
        return try counted(context) { try tokens.check(request.headers[.authorization], wants: scopes) }
    }

    /// Counts tokens that are refused; who shows too many of them waits.
    func counted(_ context: CallContext, _ check: () throws -> Principal) throws -> Principal {
        do {
            return try check()
        } catch let error as WireError where error.code == .unauthorized {
            guard let wait = failures.note(context.remote) else { throw error }
            throw WireError(
                .busy, "too many refused tokens from this address; wait \(Int(wait)) s", retryAfter: wait)
        }
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

    static func collect(_ request: inout Request, limit: Int, name: String) async throws -> Data {
        do {
            return Data(try await request.collectBody(upTo: limit).readableBytesView)
        } catch is NIOTooManyBytesError {
            throw WireError(.tooLarge, "\(name): the body has more than \(limit) bytes")
        } catch let error as HTTPError where error.status == .contentTooLarge {
            throw WireError(.tooLarge, "\(name): the body has more than \(limit) bytes")
        }
    }

    func refuse(_ error: any Error, _ name: String) -> Response {
        let wire = WireError.from(error)
        if wire.code == .internalFault { logger.error("\(name): \(error)") }
        return Self.response(wire)
    }

    static func response(_ error: WireError) -> Response {
        let status = HTTPResponse.Status(code: error.status)
        do {
            var response = response(status, "application/json", try WireJSON.encode(error))
            if let seconds = error.retryAfter {
                response.headers[.retryAfter] = String(Int(max(1, min(seconds, 86_400).rounded(.up))))
            }
            if error.code == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer realm=\"radiata\"" }
            if error.code == .upgrade { response.headers[.upgrade] = "radiata/\(ProtocolVersion.current)" }
            return response
        } catch {
            return response(status, "text/plain", Data("the error cannot be written".utf8))
        }
    }

    /// The headers that every answer carries come from ``FrontDoor``.
    static func response(_ status: HTTPResponse.Status, _ type: String, _ body: Data) -> Response {
        Response(
            status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}
