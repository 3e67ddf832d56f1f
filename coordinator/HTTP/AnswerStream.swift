import Foundation
import Hummingbird
import NIOCore
import SweepWire

/// An answer that is made piece by piece while it is sent, so that its size is no matter of memory.
struct AnswerStream: Sendable {
    let contentType: String
    /// nil at the end.
    let next: @Sendable () async throws -> ByteBuffer?
}

extension EndpointMount {
    /// As `mount`, for such an answer. What fails before its first piece has its status; what fails later
    /// ends the connection, so that nobody takes a part for the whole.
    func mountStream<Input: WireRequest, Output: WireResponse>(
        _ endpoint: Endpoint<Input, Output>, on router: Router<CallContext>,
        _ handler: @escaping @Sendable (Input, HTTPCall) async throws -> AnswerStream
    ) {
        serve(endpoint, on: router) { input, call in
            let stream = try await handler(input, call)
            let first = try await stream.next()
            return Response(
                status: .ok, headers: [.contentType: stream.contentType],
                body: ResponseBody { writer in
                    var piece = first
                    while let bytes = piece {
                        try await writer.write(bytes)
                        piece = try await stream.next()
                    }
                    try await writer.finish(nil)
                })
        }
    }
}
