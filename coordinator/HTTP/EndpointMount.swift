import CoordinatorCore
import CoordinatorOperations
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import SweepModel
import SweepWire

/// Mounts endpoints: version, token, body limit, decoding, the handler, encoding, and errors as answers, the
/// same for every call.
struct EndpointMount: Sendable {
    let tokens: TokenBook
    let logger: Logger
    /// Browsers that were let in.
    let sessions: DashboardSessions
    let failures: FailureBook

    /// - Parameter handler: gets the decoded request, and who calls with which HTTP request (its body was
    ///   read).
    func mount<Input: WireRequest, Output: WireResponse>(
        _ endpoint: Endpoint<Input, Output>, on router: Router<CallContext>,
        _ handler: @escaping @Sendable (Input, HTTPCall) async throws -> Output
    ) {
        // Workers' small answers are written where they are made. Those of clients may be as large as the
        // ledger.
        let isSmall = endpoint.scopes.isEmpty || endpoint.scopes == [.worker]
        serve(endpoint, on: router) { input, call in
            let output = try await handler(input, call)
            let body = try await isSmall ? output.body() : BlockingWork.text { try output.body() }
            return Self.response(.ok, Output.contentType, body)
        }
    }

    /// Bodies up to this size are read where they came in.
    private static let smallBody = 64 << 10

    func serve<Input: WireRequest, Output: WireResponse>(
        _ endpoint: Endpoint<Input, Output>, on router: Router<CallContext>,
        _ answer: @escaping @Sendable (Input, HTTPCall) async throws -> Response
    ) {
        let names = endpoint.path.split(separator: "/").filter { $0.hasPrefix("{") }.map {
            String($0.dropFirst().dropLast())
        }
        guard let method = HTTPRequest.Method(rawValue: endpoint.method.rawValue) else { return }
        router.on(RouterPath(endpoint.path), method: method) { request, context in
            do {
                var request = request
                let principal = try admit(request, context, endpoint.scopes)
                try Self.checkMedia(request, Input.content, endpoint.name)
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
                let given = parameters
                // Reading megabytes of JSON takes a core for long: not one of those that heartbeats are
                // answered on.
                let input =
                    try await body.count <= Self.smallBody
                    ? Input(parameters: given, body: body)
                    : BlockingWork.text { try Input(parameters: given, body: body) }
                return try await answer(input, HTTPCall(http: request, principal: principal))
            } catch {
                return refuse(endpoint.scopes.isEmpty ? counted(error, context) : error, endpoint.name)
            }
        }
    }

    /// - Throws: `WireError` for a version that is not served, a page from elsewhere, a bad token.
    func admit(_ request: Request, _ context: CallContext, _ scopes: [TokenScope]) throws -> Principal {
        if let name = SafeHeaders.protocolVersion, let fault = ProtocolVersion.fault(request.headers[name]) {
            throw fault
        }
        return try counted(context) {
            if !scopes.isEmpty, request.headers[.authorization] == nil, let token = pageToken(request) {
                return try tokens.check(id: token, wants: scopes)
            }
            return try tokens.check(request.headers[.authorization], wants: scopes)
        }
    }

    /// The token that a call of the page for people stands for: it shows the cookie and its own secret.
    private func pageToken(_ request: Request) -> String? {
        guard let name = SafeHeaders.page, let page = request.headers[name],
            let secret = sessions.secret(in: request.headers[.cookie])
        else { return nil }
        return sessions.token(of: secret, page: page)
    }

    /// Browsers let any page send forms and plain text anywhere, but other media types only with leave.
    static func checkMedia(_ request: Request, _ content: WireContent, _ name: String) throws {
        let wanted: String
        switch content {
        case .none: return
        case .json: wanted = "application/json"
        case .bytes: wanted = "application/octet-stream"
        }
        let sent = request.headers[.contentType] ?? ""
        if sent == wanted { return }
        let media = sent.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
        guard media == wanted else {
            throw WireError(
                .badRequest, "\(name): the body's Content-Type is '\(sent.prefix(80))', wanted \(wanted)")
        }
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

    /// The same for what is refused where no token is asked for: codes that let in.
    private func counted(_ error: any Error, _ context: CallContext) -> any Error {
        guard let wire = error as? WireError, wire.code == .unauthorized, let wait = failures.note(context.remote)
        else { return error }
        return WireError(.busy, "too many refused codes from this address; wait \(Int(wait)) s", retryAfter: wait)
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
        let (status, fields, body) = answer(to: error)
        return Response(status: status, headers: fields, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }

    /// An error as an answer.
    static func answer(to error: WireError) -> (status: HTTPResponse.Status, fields: HTTPFields, body: Data) {
        let status = HTTPResponse.Status(code: error.status)
        do {
            let body = try WireJSON.encode(error)
            var fields: HTTPFields = [.contentType: "application/json"]
            if let seconds = error.retryAfter {
                fields[.retryAfter] = String(Int(max(1, min(seconds, 86_400).rounded(.up))))
            }
            if error.code == .unauthorized { fields[.wwwAuthenticate] = "Bearer realm=\"radiata\"" }
            if error.code == .upgrade { fields[.upgrade] = "radiata/\(ProtocolVersion.current)" }
            return (status, fields, body)
        } catch {
            return (status, [.contentType: "text/plain"], Data("the error cannot be written".utf8))
        }
    }

    /// The headers that every answer carries come from ``FrontDoor``.
    static func response(_ status: HTTPResponse.Status, _ type: String, _ body: Data) -> Response {
        Response(
            status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}
