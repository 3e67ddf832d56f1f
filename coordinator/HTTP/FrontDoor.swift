import CoordinatorOperations
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import SweepWire

/// Before and after the router: pages from elsewhere, unknown paths and methods as errors of the contract,
/// and the headers that every answer carries.
struct FrontDoor<Routes: HTTPResponder>: HTTPResponder where Routes.Context == CallContext {
    let routes: Routes
    let origin: RequestOrigin
    let base: BasePath
    let paths = PathTable()

    func respond(to request: Request, context: CallContext) async throws -> Response {
        var response = try await answer(request, context)
        // By appending: each look-up by name would index the headers anew.
        let given = response.headers
        for field in SafeHeaders.all where !given.contains(where: { $0.name == field.name }) {
            response.headers.append(field)
        }
        return response
    }

    private func answer(_ given: Request, _ context: CallContext) async throws -> Response {
        if base.isBare(given.uri.path) {
            // Without the slash the page's own addresses would lead elsewhere.
            return Response(status: .seeOther, headers: [.location: base.text + DashboardPath.page])
        }
        let request = base.stripped(given)
        do {
            try origin.check(request)
        } catch {
            return EndpointMount.response(WireError.from(error))
        }
        let methods = paths.methods(of: request.uri.path)
        guard !methods.isEmpty else {
            return EndpointMount.response(WireError(.notFound, "there is nothing at this path"))
        }
        guard methods.contains(request.method.rawValue) else {
            let wanted = methods.sorted().joined(separator: ", ")
            var response = EndpointMount.response(
                WireError(.methodNotAllowed, "\(request.method.rawValue) is not served here; wanted \(wanted)"))
            response.headers[.allow] = wanted
            return response
        }
        return try await routes.respond(to: request, context: context)
    }
}

enum SafeHeaders {
    static let policy = HTTPField.Name("Content-Security-Policy")
    /// The secret that the page for people sends with what it changes.
    static let page = HTTPField.Name("Radiata-Page")
    static let protocolVersion = HTTPField.Name(ProtocolVersion.header)

    /// For pages and data alike: nothing is sniffed, framed, cached or told to others.
    static let all: [HTTPField] = [
        ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"), ("Referrer-Policy", "same-origin"),
        ("Cache-Control", "no-store"), ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
        (ProtocolVersion.header, String(ProtocolVersion.current)),
    ].compactMap { name, value in HTTPField.Name(name).map { HTTPField(name: $0, value: value) } }
}

/// Which methods each path has, from the same values that the routes are made of.
struct PathTable: Sendable {
    private let entries: [(segments: [Substring], method: String)]
    /// Of paths without parameters, as they are written.
    private let plain: [String: Set<String>]

    init() {
        let all = Route.all.map { ($0.path, $0.method.rawValue) } + DashboardPath.all
        entries = all.map { ($0.0.split(separator: "/").map { Substring($0) }, $0.1) }
        plain = Dictionary(grouping: all.filter { !$0.0.contains("{") }, by: \.0).mapValues { Set($0.map(\.1)) }
    }

    func methods(of path: String) -> Set<String> {
        if let methods = plain[path] { return methods }
        let segments = path.split(separator: "/")
        let fitting = entries.filter { entry in
            entry.segments.count == segments.count
                && zip(entry.segments, segments).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
        }
        // A path that is named whole is no parameter of another.
        let exact = fitting.filter { !$0.segments.contains { $0.hasPrefix("{") } }
        return Set((exact.isEmpty ? fitting : exact).map(\.method))
    }
}
