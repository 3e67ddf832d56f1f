import CoordinatorOperations
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Ports
import SweepLedger
import SweepModel
import SweepWire

/// One call of the page: who, and what was asked.
struct PageCall: Sendable {
    let request: Request
    let principal: Principal
    let parameters: [String: String]
    let body: Data

    func text(_ name: String) -> String { parameters[name] ?? "" }

    /// - Throws: `WireError` `badRequest` where it is missing.
    func required(_ name: String) throws -> String {
        guard let text = parameters[name], !text.isEmpty else {
            throw WireError(.badRequest, "the parameter '\(name)' is missing")
        }
        return text
    }

    /// - Throws: `WireError` `badRequest` for what is no number, or out of range.
    func integer(_ name: String, default value: Int, in range: ClosedRange<Int>) throws -> Int {
        guard let text = parameters[name], !text.isEmpty else { return value }
        guard let number = Int(text), range.contains(number) else {
            throw WireError(
                .badRequest, "\(name): found '\(text.prefix(40))', wanted \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func list(_ name: String) -> [String] {
        text(name).split(separator: ",").map { String($0) }
    }
}

extension Routes {
    /// The page for people at `/`: the same for everybody, without anything of the ledger. Its scripts are
    /// the coordinator's own; what they show they fetch by calls that carry the cookie and the page's secret.
    func addDashboard(_ router: Router<CallContext>) {
        router.get(RouterPath(DashboardPath.page)) { _, _ in
            guard let file = page.assets.file("index.html") else { return Self.html(.notFound, "") }
            return Self.html(.ok, String(decoding: file.bytes, as: UTF8.self))
        }
        router.get(RouterPath(DashboardPath.asset)) { request, context in
            Self.file(context.parameters.get("name").flatMap { page.assets.file($0) }, request)
        }
        router.get(RouterPath(DashboardPath.library)) { request, context in
            Self.file(context.parameters.get("name").flatMap { page.assets.library($0) }, request)
        }
        router.get(RouterPath(DashboardPath.download)) { request, _ in await download(request) }
        addBrowserLogin(router)
        addPageCalls(router)
        addPageChanges(router)
        addVotes(router)
    }

    private static func file(_ file: PageAssets.File?, _ request: Request) -> Response {
        guard let file else { return EndpointMount.response(WireError(.notFound, "the page has no such file")) }
        let isKnown = request.headers[.ifNoneMatch] == file.tag
        var response =
            isKnown ? Response(status: .notModified) : EndpointMount.response(.ok, file.type, file.bytes)
        response.headers[.eTag] = file.tag
        response.headers[.cacheControl] = "private, no-cache"
        return response
    }

    /// Mounts a call of the page: the same checks as every call of the contract.
    func mountPage(
        _ call: DashboardPath.Call, on router: Router<CallContext>, scopes: [TokenScope] = [.read],
        _ handler: @escaping @Sendable (PageCall) async throws -> Response
    ) {
        let method: HTTPRequest.Method = call.isPost ? .post : .get
        router.on(RouterPath(call.path), method: method) { request, context in
            do {
                var request = request
                let principal = try mount.admit(request, context, scopes)
                var parameters: [String: String] = [:]
                if request.uri.query != nil {
                    for (name, value) in request.uri.queryParameters { parameters[String(name)] = String(value) }
                }
                var body = Data()
                if call.isPost {
                    try EndpointMount.checkMedia(request, .json(.any), call.rawValue)
                    body = try await EndpointMount.collect(&request, limit: 64 << 10, name: call.rawValue)
                }
                return try await handler(
                    PageCall(request: request, principal: principal, parameters: parameters, body: body))
            } catch let error as WireError where Self.isSoft(error, request) {
                return EndpointMount.response(.ok, "application/json", Self.soft(error))
            } catch let error as LedgerError where Self.isSoft(WireError.from(error), request) {
                return EndpointMount.response(.ok, "application/json", Self.soft(WireError.from(error)))
            } catch {
                return mount.refuse(error, call.rawValue)
            }
        }
    }

    /// What people mistyped, or what is not there yet, is no fault of the page: with `soft` it is an answer,
    /// since browsers note every other one as an error.
    private static func isSoft(_ error: WireError, _ request: Request) -> Bool {
        request.uri.queryParameters["soft"] != nil && [.badRequest, .notFound].contains(error.code)
    }

    private static func soft(_ error: WireError) -> Data {
        var json = JSONText()
        json.raw("{\"fault\":{\"status\":\(error.status),\"message\":")
        json.string(error.message)
        json.raw("}}")
        return Data(json.bytes)
    }

    static func json(_ value: some Encodable & Sendable) async throws -> Response {
        let body = try await BlockingWork.text { try WireJSON.encode(value) }
        return EndpointMount.response(.ok, "application/json", body)
    }

    private func download(_ request: Request) async -> Response {
        do {
            let code = request.uri.queryParameters["code"].map(String.init) ?? ""
            guard let file = page.downloads.use(code), let digest = ContentDigest(file.sha256) else {
                throw WireError(.forbidden, "this link was used already, or is too old; download it again on the page")
            }
            let blobs = operations.ledger.blobs
            guard let size = try await BlockingWork.run({ try blobs.size(digest) }) else {
                throw WireError(.notFound, "the file is not in the store any more")
            }
            var response = Response(
                status: .ok, headers: [.contentType: "application/octet-stream"],
                body: ResponseBody(contentLength: size) { writer in
                    var offset = 0
                    while offset < size {
                        let from = offset
                        let piece = try await BlockingWork.run { try blobs.read(digest, offset: from, count: 1 << 20) }
                        guard let piece, !piece.isEmpty else { throw WireError(.notFound, "the file was removed") }
                        offset += piece.count
                        try await writer.write(ByteBuffer(bytes: piece))
                    }
                    try await writer.finish(nil)
                })
            response.headers[.contentDisposition] = "attachment; filename=\"\(file.name)\""
            return response
        } catch {
            return mount.refuse(error, "download")
        }
    }
}
