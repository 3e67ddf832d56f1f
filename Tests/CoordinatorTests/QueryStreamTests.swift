import Coordinator
import Foundation
import SweepClient
import SweepModel
import SweepWire
import Synchronization
import Testing

/// Queries over HTTP: in pieces, ended by whoever has enough of them, and in nobody's way.
@Suite("Queries of users over HTTP", .serialized)
struct QueryStreamTests {
    /// One step of it takes most of a minute.
    private static let bomb = "SELECT instr(hex(zeroblob(2000000)), hex(zeroblob(1900000)) || '1')"
    private static let count = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c"

    private final class Count: Sendable {
        let value = Mutex(0)
    }

    @Test("while four bombs run, health and heartbeats are answered at once", .timeLimit(.minutes(5)))
    func bombs() async throws {
        try await DaemonBench.with { bench async throws in
            try await bench.launch(["1e-4"])
            let one = try await HandWorker("one", bench)
            let grant = try await one.claim()
            let ended = Count()
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        defer { ended.value.withLock { $0 += 1 } }
                        while true {
                            do {
                                _ = try await bench.call(.query, QueryRequest(sql: Self.bomb))
                                return "answered"
                            } catch let error as ClientError {
                                // The test's own look whether all places are taken may have taken one.
                                if error.answer?.code != .busy { return error.answer?.message ?? "\(error)" }
                            }
                        }
                    }
                }
                while try await !bench.isBusy() {}
                // Each bomb computes for ten seconds; in the coordinator's own process the answers came after
                // them.
                _ = try await bench.call(.health, Nothing())
                let verdict = try await one.heartbeat(grant.token)
                #expect(verdict == .fine)
                #expect(ended.value.withLock { $0 } == 0, "health and heartbeat were answered after the bombs")
                for try await message in group { #expect(message == "the query ran out of time") }
            }
            #expect(try await bench.query("SELECT 7") == [[.integer(7)]], "the places are free again")
        }
    }

    @Test("every kind of value comes through, in an answer of many pieces")
    func values() async throws {
        try await DaemonBench.with { bench async throws in
            let odd = try await bench.query(
                """
                SELECT NULL, 9223372036854775807, -9223372036854775808, 0.1, 9e999, -9e999, 'a"\\ü' || char(10, 1), x'00ff',
                    CAST(x'61ff62' AS TEXT), ''
                """)
            #expect(
                odd == [
                    [
                        .null, .integer(.max), .integer(.min), .real(0.1), .real(.infinity), .real(-.infinity),
                        .text("a\"\\ü\n\u{1}"), .blob([0x00, 0xFF]), .text("a\u{FFFD}b"), .text(""),
                    ]
                ])
            let answer = try await bench.call(
                .query, QueryRequest(sql: "\(Self.count) LIMIT 20000) SELECT x, hex(zeroblob(100)) FROM c"))
            #expect(answer.rows.count == 20000 && !answer.isTruncated && answer.error == nil)
            #expect(answer.rows.indices.allSatisfy { answer.rows[$0][0] == .integer(Int64($0 + 1)) })
            let cut = try await bench.call(.query, QueryRequest(sql: "\(Self.count)) SELECT x FROM c", limit: 10))
            #expect(cut.rows.count == 10 && cut.isTruncated)
            // 64 MiB are the most, however many rows may come.
            let large = try await bench.call(
                .query,
                QueryRequest(sql: "\(Self.count)) SELECT hex(zeroblob(1000000)) FROM c", limit: 1_000_000))
            #expect(large.isTruncated && (20...40).contains(large.rows.count))
        }
    }

    @Test("what fails after the first rows is an error, not a short answer")
    func lateFault() async throws {
        try await DaemonBench.with { bench async throws in
            let sql = """
                \(Self.count) LIMIT 100000)
                SELECT hex(zeroblob(100)), CASE WHEN x = 50000 THEN abs(-9223372036854775807 - 1) ELSE x END FROM c
                """
            let error = await #expect(throws: ClientError.self) {
                try await bench.call(.query, QueryRequest(sql: sql))
            }
            #expect(error?.answer?.code == .badRequest && error?.answer?.message == "integer overflow")
        }
    }

    @Test("a client that goes away, or asks for what is refused, leaves its place to others", .timeLimit(.minutes(2)))
    func places() async throws {
        try await DaemonBench.with { bench async throws in
            for _ in 0..<8 {
                await #expect(throws: ClientError.self) { try await bench.query("SELECT spec FROM job_spec") }
            }
            let admin = try String(contentsOfFile: bench.folder + "/admin.token", encoding: .utf8)
            let body = #"{"sql":"\#(Self.count)) SELECT hex(zeroblob(100000)) FROM c","limit":1000000}"#
            let request = [
                "POST /v1/query HTTP/1.1", "Host: 127.0.0.1:\(bench.raw.port)", "Content-Type: application/json",
                "Authorization: Bearer \(admin.trimmingCharacters(in: .newlines))",
                "Content-Length: \(body.utf8.count)", "", body,
            ].joined(separator: "\r\n")
            // Held open without reading: its answer is larger than what the sockets hold, so its place stays
            // taken.
            let port = bench.raw.port
            var silent: [RawHTTP.Connection] = []
            // The look whether all places are taken may take the last one itself, and have one of these
            // refused.
            while try await !bench.isBusy() {
                let connection = try RawHTTP.Connection(port: port)
                connection.write(request)
                silent.append(connection)
            }
            #expect(silent.count >= 4)
            silent.removeAll()
            // Eventually every place is free again: four at once are let in.
            while true {
                let answers = await withTaskGroup(of: Bool.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            do {
                                return try await bench.query("\(Self.count) LIMIT 100000) SELECT max(x) FROM c").count
                                    == 1
                            } catch { return false }
                        }
                    }
                    return await group.reduce(into: [Bool]()) { $0.append($1) }
                }
                if answers.allSatisfy(\.self) { break }
            }
        }
    }
}

extension DaemonBench {
    /// Whether no further query is let in.
    func isBusy() async throws -> Bool {
        do {
            _ = try await query("SELECT 1")
            return false
        } catch let error as ClientError where error.answer?.code == .busy {
            return true
        }
    }
}
