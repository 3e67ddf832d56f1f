import Ports
import SweepWire

/// Hands messages to addresses that an operator named. No redirect is followed: a receiver cannot lead
/// anywhere else.
package final class WebhookSender: Sendable {
    private let engine = TransferEngine()

    package init() {}

    /// - Parameters:
    ///   - headers: whole lines, without line ends.
    ///   - timeLimit: from the first packet to the last.
    /// - Throws: ``ClientError`` with what the receiver answered, or why it did not, where that is no 2xx.
    package func post(
        _ body: [UInt8], to url: String, headers: [String], timeLimit: Duration = .seconds(15)
    ) async throws {
        var request = HTTPRequest(method: .post, url: url)
        request.headers = ["Content-Type: application/json", "User-Agent: radiata"] + headers
        request.body = body
        request.timeLimit = timeLimit
        // Nothing is done with what it says.
        request.answerLimit = 64 << 10
        request.usesEnvironmentProxy = true
        let answer: HTTPAnswer
        do {
            answer = try await engine.perform(request)
        } catch let error as TransportError {
            throw ClientError(.unreachable, error.message)
        }
        guard (200..<300).contains(answer.status) else { throw ClientError(.badAnswer, "it answered \(answer.status)") }
    }
}
