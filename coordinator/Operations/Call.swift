package import CoordinatorCore
package import SweepModel
package import SweepWire

/// Who calls.
package struct Principal: Sendable, Equatable {
    /// Id of the token (never its text).
    package let id: String
    package let scope: TokenScope

    /// Whoever calls what needs no token.
    package static let anybody = Principal(id: "", scope: .read)
}

/// What an operation knows of its call beside the request.
package struct Call: Sendable {
    /// Runs a body that may wait long, and calls `gone` if the caller goes away meanwhile.
    package typealias UntilGone =
        @Sendable (
            _ body: () async -> CoordinatorReply, _ gone: @escaping @Sendable () -> Void
        ) async throws -> CoordinatorReply

    package let principal: Principal
    let untilGone: UntilGone

    package init(_ principal: Principal, untilGone: @escaping UntilGone) {
        self.principal = principal
        self.untilGone = untilGone
    }
}

/// Where operations are served: HTTP's router, or a simulated coordinator.
package protocol OperationMount {
    /// - Parameter operation: gets the decoded request; what it throws is told as a `WireError`.
    func mount<Request: WireRequest, Response: WireResponse>(
        _ endpoint: Endpoint<Request, Response>,
        _ operation: @escaping @Sendable (Request, Call) async throws -> Response)
}
