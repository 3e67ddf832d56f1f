import Foundation
import Ports
import SweepModel
import SweepWire
import Testing

@Suite("The wire")
struct WireTests {
    private let token = AttemptToken(
        ledger: "0123456789abcdef", epoch: 3, job: JobID(String(repeating: "ab", count: 32)) ?? sample,
        attempt: AttemptNumber(7))

    @Test("a metric batch keeps every bit of steps and values")
    func metricBatchRoundTrip() throws {
        let odd: [Double] = [
            .nan, Double(bitPattern: 0x7ff8_0000_dead_beef), .infinity, -.infinity, -0.0, 0, .leastNonzeroMagnitude,
            .greatestFiniteMagnitude, 0.1,
        ]
        let points =
            odd.enumerated().map { (key: $0 % 2 == 0 ? "loss" : "lr", step: Int64($0) * 1000 - 3, value: $1) }
            + [(key: "loss", step: Int64.max, value: 1.5), (key: "loss", step: Int64.min, value: 2.5)]
        let batch = MetricBatch(token: token, first: 41, points: points)
        let back = try MetricBatch(encoded: batch.encoded())
        #expect(back == batch)
        #expect(back.count == points.count && back.next == 41 + UInt64(points.count))
        #expect(back.series.map(\.key) == ["loss", "lr"])
    }

    @Test("no damaged or cut metric batch is taken, and none crashes the reader")
    func damagedBatches() throws {
        let bytes = MetricBatch(token: token, first: 1, points: [("loss", 1, 0.5), ("loss", 2, 0.25)]).encoded()
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x41
            #expect(throws: WireError.self) { try MetricBatch(encoded: damaged) }
            #expect(throws: WireError.self) { try MetricBatch(encoded: Array(bytes[..<index])) }
        }
    }

    @Test("a report says its kind by one key beside the token")
    func reportJSON() throws {
        let report = Report(token: token, .finished(FinishReport(streamPosition: 9)))
        let text = String(decoding: try WireJSON.encode(report), as: UTF8.self)
        #expect(text.contains("\"finished\":{\"streamPosition\":9}"))
        #expect(try WireJSON.decode(Report.self, from: Data(text.utf8)) == report)
        #expect(throws: WireError.self) { try WireJSON.decode(Report.self, from: Data("{}".utf8)) }
    }

    @Test("error codes of a newer coordinator are read as other, and every code has a status of its own family")
    func errorCodes() throws {
        let text = #"{"code":"brand-new","message":"m"}"#
        #expect(try WireJSON.decode(WireError.self, from: Data(text.utf8)).code == .other)
        for code in WireError.Code.allCases { #expect((400..<600).contains(WireError(code, "").status)) }
    }

    @Test("parameters go into the path where it names them, else into the query, encoded")
    func targets() {
        let chunk = BlobChunk(sha256: "ff", index: 3, checksum: 0xabc, bytes: Data())
        #expect(Endpoint.putChunk.target(of: chunk) == "/v1/blobs/ff/chunks/3?crc32c=abc")
        #expect(Endpoint.status.target(of: SweepRequest(sweep: "a b/ü&")) == "/v1/status?sweep=a%20b%2F%C3%BC%26")
        #expect(Endpoint.launch.target(of: launch) == "/v1/sweeps")
    }

    @Test("no two calls share a method and a path, and only health needs no token")
    func routes() {
        let places = Route.all.map { "\($0.method.rawValue) \($0.path)" }
        #expect(Set(places).count == places.count)
        #expect(Set(Route.all.map(\.name)).count == Route.all.count)
        #expect(Route.all.filter(\.scopes.isEmpty).map(\.name) == ["health"])
    }

    @Test("scopes: read < worker, read < submit, admin may do everything")
    func scopes() {
        let table: [TokenScope: Set<TokenScope>] = [
            .read: [.read], .worker: [.read, .worker], .submit: [.read, .submit], .admin: Set(TokenScope.allCases),
        ]
        for (scope, allowed) in table {
            for wanted in TokenScope.allCases { #expect(scope.allows(wanted) == allowed.contains(wanted)) }
        }
    }

    @Test("query cells are plain JSON and come back as they were")
    func queryCells() throws {
        let cells: [QueryValue] = [.null, .integer(.max), .real(0.5), .text("é\"\n"), .blob("00ff"), .real(.infinity)]
        let data = try WireJSON.encode(cells)
        #expect(try WireJSON.decode([QueryValue].self, from: data) == cells)
    }

    private var launch: LaunchRequest { LaunchRequest(key: "k", bundle: LaunchBundle(fileName: "f", text: "t")) }
}

private let sample = JobID(.of("sample"))
