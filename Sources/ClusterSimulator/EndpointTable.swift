import CoordinatorOperations
import Foundation
import SweepWire

/// A coordinator's operations by the names of their endpoints; requests and answers are bytes, as on the
/// wire.
// @unchecked: one thread uses a world and all that is in it.
final class EndpointTable: OperationMount, @unchecked Sendable {
    private typealias Serve =
        @Sendable (_ parameters: [String: String], _ body: Data, _ call: Call) async throws -> Data

    private var operations: [String: Serve] = [:]

    func clear() { operations = [:] }

    func mount<Request: WireRequest, Response: WireResponse>(
        _ endpoint: Endpoint<Request, Response>,
        _ operation: @escaping @Sendable (Request, Call) async throws -> Response
    ) {
        operations[endpoint.name] = { parameters, body, call in
            try await operation(try Request(parameters: parameters, body: body), call).body()
        }
    }

    func answer(_ name: String, _ parameters: [String: String], _ body: Data, _ call: Call) async throws -> Data {
        guard let serve = operations[name] else { preconditionFailure("no operation \(name)") }
        return try await serve(parameters, body, call)
    }
}
