package import SweepModel

/// An endpoint without its types: the table that tests and the router's scope check are built from.
package struct Route: Equatable, Sendable {
    package let name: String
    package let method: WireMethod
    package let path: String
    package let scopes: [TokenScope]
    package let isIdempotent: Bool
    package let parameters: [WireParameter]
    package let request: WireContent
    package let response: WireContent

    package init<Request, Response>(_ endpoint: Endpoint<Request, Response>) {
        name = endpoint.name
        method = endpoint.method
        path = endpoint.path
        scopes = endpoint.scopes
        isIdempotent = endpoint.isIdempotent
        parameters = Request.parameterList
        request = Request.content
        response = Response.content
    }

    /// Every call of the contract.
    package static let all: [Route] = [
        Route(.health), Route(.register), Route(.exchange), Route(.heartbeat), Route(.goodbye), Route(.metrics),
        Route(.input),
        Route(.beginBlob), Route(.missingBlobs), Route(.blobStatus), Route(.commitBlob), Route(.putChunk),
        Route(.getBlob),
        Route(.launch), Route(.history), Route(.sweeps), Route(.status), Route(.jobs), Route(.job), Route(.logs),
        Route(.action), Route(.evaluate), Route(.workers), Route(.drain), Route(.forget), Route(.query), Route(.export),
        Route(.createToken), Route(.tokens), Route(.revokeToken), Route(.openLink), Route(.backup), Route(.collect),
        Route(.check), Route(.branch), Route(.reclaim), Route(.annotate), Route(.invite), Route(.enrol),
        Route(.authority), Route(.program), Route(.programPiece),
    ]
}
