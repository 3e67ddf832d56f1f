package import Foundation
import SweepWire

/// Calls a service that is no coordinator: one JSON document goes out, one comes back.
package final class JSONService: Sendable {
    private let engine = TransferEngine()

    package init() {}

    /// - Parameters:
    ///   - token: sent as a bearer token; nil for none.
    ///   - timeLimit: from the first packet to the last.
    /// - Returns: the body of an answer with a status of 200 to 299.
    /// - Throws: ``ClientError`` with the service's own words.
    package func post(
        _ body: Data, to url: String, token: String? = nil, timeLimit: Duration = .seconds(600)
    ) async throws -> Data {
        var request = HTTPRequest(method: .post, url: url)
        request.headers = ["Content-Type: application/json", "User-Agent: radiata"]
        if let token { request.headers.append("Authorization: Bearer \(token)") }
        request.body = Array(body)
        request.timeLimit = timeLimit
        request.usesEnvironmentProxy = true
        let answer: HTTPAnswer
        do {
            answer = try await engine.perform(request)
        } catch let error as TransportError {
            throw ClientError(.unreachable, "\(url) does not answer (\(error.message))")
        }
        guard (200..<300).contains(answer.status) else {
            let words = String(decoding: answer.body.prefix(300), as: UTF8.self)
            throw ClientError(.badAnswer, "\(url) answered \(answer.status): \(words)")
        }
        return Data(answer.body)
    }
}
