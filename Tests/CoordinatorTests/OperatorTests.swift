import Coordinator
import Foundation
import Ports
import SweepLedger
import SweepModel
import SweepWire
import Testing

/// What those who watch a coordinator see, over real HTTP on a real ledger.
@Suite("Operators")
struct OperatorTests {
    @Test("headers as the library standardwebhooks 1.0 writes them")
    func signatures() throws {
        let secret = try WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        let headers = secret.headers(
            name: "msg_p5jXN8AQM9LWM0D4loKWxJek", seconds: 1_614_265_330, body: Array("{\"test\": 2432232314}".utf8))
        #expect(headers.last == "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        #expect(throws: CoordinatorError.self) { try WebhookSecret("whsec_short") }
    }

    @Test(
        "addresses are taken as they are given; what is none is refused",
        arguments: [
            ("https://x.test/a?b=c", 5), ("failed=https://x.test", 1), ("failed,disk=http://127.0.0.1:9/x=y", 2),
            ("https://x.test/?a=b=c", 5),
        ])
    func addresses(text: String, kinds: Int) throws {
        let hook = try Webhook(text)
        #expect(hook.kinds.count == kinds && text.hasSuffix(hook.url))
    }

    @Test(
        "no address",
        arguments: [
            "ftp://x.test", "file:///etc/passwd", "https://", "x.test", "fault=https://x.test", "=https://x.test y",
        ])
    func refused(text: String) {
        #expect(throws: CoordinatorError.self) { try Webhook(text) }
    }

    private static func numbers(_ text: String) -> [String: Double] {
        let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { $0.split(separator: " ") }
        let pairs = lines.compactMap { line in Double(line[1]).map { (String(line[0]), $0) } }
        return Dictionary(pairs) { first, _ in first }
    }

    @Test("metrics are those of the ledger, name nothing that people made, and want a token")
    func metrics() async throws {
        try await DaemonBench.with { bench async throws in
            try await bench.launch(["1e-4", "1e-3", "1e-2"])
            let worker = try await HandWorker("somebody", bench)
            _ = try await worker.claim()
            let answer = try await bench.raw.request("GET", "/metrics")
            #expect(answer.status == 200 && answer.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
            let numbers = Self.numbers(answer.body)
            #expect(numbers["radiata_jobs{state=\"waiting\"}"] == 2 && numbers["radiata_jobs{state=\"running\"}"] == 1)
            #expect(numbers["radiata_jobs{state=\"failed\"}"] == 0)
            #expect(numbers["radiata_leases"] == 1 && numbers["radiata_attempts_total"] == 1)
            #expect(numbers["radiata_workers{state=\"active\"}"] == 1 && numbers["radiata_slots{state=\"busy\"}"] == 1)
            #expect(numbers["radiata_ledger_bytes{part=\"file\"}"].map { $0 > 0 } == true)
            #expect(numbers["radiata_disk_free_bytes"].map { $0 > 0 } == true)
            #expect(numbers["radiata_disk_level{level=\"enough\"}"] == 1)
            #expect(numbers["radiata_ledger_commit_seconds"].map { $0 > 0 && $0 < 60 } == true)
            #expect(numbers["process_resident_memory_bytes"].map { $0 > 1_000_000 } == true)
            // Every line is a comment or a sample, and every sample has its type before it.
            for line in answer.body.split(separator: "\n") where !line.hasPrefix("#") {
                let name = line.prefix { $0 != " " && $0 != "{" }
                #expect(answer.body.contains("# TYPE \(name) "), "\(line)")
                #expect(line.split(separator: " ").count == 2)
            }
            #expect(!answer.body.contains("somebody"))
            #expect(try await RawHTTP(bench.url).request("GET", "/metrics").status == 401)
            #expect(try await bench.raw.request("POST", "/metrics").status == 405)
        }
    }
}
