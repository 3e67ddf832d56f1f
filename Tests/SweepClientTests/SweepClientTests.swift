import Foundation
import Ports
import SweepClient
import SweepModel
import SweepWire
import Testing

@Suite("The client")
struct SweepClientTests {
    private let fast = RetryPolicy(repeats: 5, base: .milliseconds(1), cap: .milliseconds(2))

    private func client(_ url: String, token: String? = nil) throws -> SweepClient {
        SweepClient(try ClientConfiguration(coordinator: url, token: token))
    }

    private let done = ScriptedServer.json("200 OK", #"{"next":7}"#)

    private func batch() -> MetricBatch {
        let token = AttemptToken(
            ledger: "l", epoch: 1, job: JobID(ContentDigest.of("job")), attempt: AttemptNumber(1))
        return MetricBatch(token: token, first: 1, points: [MetricPoint(key: "loss", step: 1, value: 0.5)])
    }

    @Test("no answer, 503 and 429 are tried again; the request is the same each time, with token and protocol version")
    func retries() async throws {
        let busy = ScriptedServer.json(
            "429 Too Many Requests", #"{"code":"busy","message":"later","retryAfter":0.001}"#)
        let proxy = ScriptedServer.json("503 Service Unavailable", "<html>")
        let server = ScriptedServer([nil, busy, proxy, done])
        let answer = try await client(server.url, token: "secret").call(.metrics, batch(), retry: fast)
        #expect(answer.next == 7)
        #expect(server.requests.count == 4)
        #expect(Set(server.requests).count == 1)
        #expect(server.requests[0].contains("Authorization: Bearer secret\r\n"))
        #expect(server.requests[0].contains("Radiata-Protocol: \(ProtocolVersion.current)\r\n"))
    }

    @Test(
        "a refusal of the contract is told at once, with the coordinator's words and the remedy",
        arguments: [
            ("401 Unauthorized", WireError.Code.unauthorized, "--token-file"),
            ("404 Not Found", .notFound, "nothing here"),
        ])
    func refusals(status: String, code: WireError.Code, words: String) async throws {
        let body = #"{"code":"\#(code.rawValue)","message":"nothing here"}"#
        let server = ScriptedServer([ScriptedServer.json(status, body), done])
        let error = await #expect(throws: ClientError.self) {
            _ = try await client(server.url).call(.metrics, batch(), retry: fast)
        }
        #expect(error?.code == .refused(code))
        #expect(error?.message.contains(words) == true && error?.message.contains(server.url) == true)
        #expect(server.requests.count == 1)
    }

    @Test("a coordinator that is not there is named, with what to do")
    func unreachable() async throws {
        let error = await #expect(throws: ClientError.self) {
            _ = try await client("127.0.0.1:9").call(.metrics, batch(), retry: fast)
        }
        #expect(error?.code == .unreachable)
        #expect(error?.message.contains("http://127.0.0.1:9") == true)
        #expect(error?.message.contains("radiata coordinator run") == true)
    }

    @Test("an answer that comes too late is no answer")
    func timeLimit() async throws {
        // The request is taken and never answered.
        let silent = ScriptedServer([], isSilent: true)
        let error = await #expect(throws: ClientError.self) {
            _ = try await client(silent.url).call(.metrics, batch(), retry: .never, timeLimit: .milliseconds(200))
        }
        #expect(error?.code == .unreachable)
    }

    @Test("a redirect is refused: a token is never carried elsewhere")
    func redirect() async throws {
        let server = ScriptedServer([ScriptedServer.json("302 Found", "", headers: "Location: http://example.org/\r\n")]
        )
        let error = await #expect(throws: ClientError.self) {
            _ = try await client(server.url).call(.metrics, batch(), retry: .never)
        }
        #expect(error?.code == .badAnswer)
    }

    @Test("a cancelled call ends at once")
    func cancellation() async throws {
        let server = ScriptedServer([], isSilent: true)
        let client = try client(server.url)
        let call = Task { try await client.call(.metrics, batch(), retry: .forever, timeLimit: nil) }
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
    }

    @Test(
        "what cannot be an address or a token is refused before anything is sent",
        arguments: [
            ("ftp://host", "t"), ("http://", "t"), ("http://host/path", "t"), ("http://host", "two words"),
            ("http://host", ""),
            ("http://host", "a\r\nX: y"),
        ])
    func badConfiguration(address: String, token: String) {
        #expect(throws: ClientError.self) { try ClientConfiguration(coordinator: address, token: token) }
    }
}
