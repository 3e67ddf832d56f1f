import Foundation
import Ports
import RunSpec
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
            odd.enumerated().map {
                MetricPoint(key: $0 % 2 == 0 ? "loss" : "lr", step: Int64($0) * 1000 - 3, value: $1)
            }
            + [
                MetricPoint(key: "loss", step: .max, value: 1.5), MetricPoint(key: "loss", step: .min, value: 2.5),
            ]
        let batch = MetricBatch(token: token, first: 41, points: points)
        let back = try MetricBatch(encoded: batch.encoded())
        #expect(back == batch)
        #expect(back.count == points.count && back.next == 41 + UInt64(points.count))
        #expect(back.series.map(\.key) == ["loss", "lr"])
    }

    @Test("an exchange of ends is written as any JSON, and read as any")
    func plainExchange() throws {
        func end(_ attempt: Int, _ position: UInt64) -> Report {
            let one = AttemptToken(
                ledger: token.ledger, epoch: token.epoch, job: token.job, attempt: AttemptNumber(attempt))
            return Report(token: one, .finished(FinishReport(streamPosition: position)))
        }
        let session = SessionID(rawValue: String(repeating: "0f", count: 16))
        let failure = Report(
            token: token, .failed(FailureReport(failure: .crash, message: "a \"b\" \n c", exitCode: 3)))
        for reports in [[], [end(1, 0)], [end(7, .max), end(.max, 12)], [end(1, 1), failure]] {
            for (gpus, wait) in [(nil, 0.0), ([], 20), ([0, 3, 3], 0.5), ([7], 1e12), (nil, -0.0)] as [([Int]?, Double)]
            {
                let request = ExchangeRequest(
                    session: session, number: .max, reports: reports, freeSlots: -1, freeGPUs: gpus, waitSeconds: wait)
                let body = try request.body()
                #expect(try body == WireJSON.encode(request))
                #expect(try ExchangeRequest(parameters: [:], body: body) == request)
            }
        }
        let odd = ExchangeRequest(
            session: SessionID(rawValue: "A\"\\é"), number: 1, reports: [], freeSlots: 1, waitSeconds: 0)
        #expect(try ExchangeRequest(parameters: [:], body: odd.body()) == odd)
    }

    @Test("an exchange that is written otherwise is read all the same; one that is wrong is refused by its field")
    func otherExchange() throws {
        let job = token.job.text
        let end = #"{"finished":{"streamPosition":5},"token":{"attempt":1,"epoch":2,"job":"\#(job)","ledger":"ab"}}"#
        func read(_ text: String) throws -> ExchangeRequest {
            try ExchangeRequest(parameters: [:], body: Data(text.utf8))
        }
        let plain = try read(#"{"freeSlots":1,"number":2,"reports":[\#(end)],"session":"ab","waitSeconds":3}"#)
        #expect(plain.reports.count == 1 && plain.number == 2 && plain.waitSeconds == 3)
        #expect(
            try read(#" {"number": 2, "waitSeconds": 3.0, "freeSlots":1,"session":"ab", "reports":[\#(end)], "x": 1}"#)
                == plain)
        let noAttempt = end.replacing(#""attempt":1"#, with: #""attempt":0"#)
        let noJob = end.replacing(job, with: "abc")
        for wrong in [
            #"{"freeSlots":01,"number":2,"reports":[],"session":"ab","waitSeconds":3}"#,
            #"{"freeSlots":1,"number":-2,"reports":[],"session":"ab","waitSeconds":3}"#,
            #"{"freeSlots":1,"number":2,"reports":[,],"session":"ab","waitSeconds":3}"#,
            #"{"freeSlots":1,"number":2,"reports":[],"session":"ab","waitSeconds":3}}"#,
            #"{"freeSlots":1,"number":2,"reports":[],"session":"ab","waitSeconds":"#,
            #"{"freeSlots":99999999999999999999,"number":2,"reports":[],"session":"ab","waitSeconds":3}"#,
            #"{"freeSlots":1,"number":2,"reports":[\#(noAttempt)],"session":"ab","waitSeconds":3}"#,
            #"{"freeSlots":1,"number":2,"reports":[\#(noJob)],"session":"ab","waitSeconds":3}"#,
        ] {
            #expect(throws: WireError.self, "\(wrong)") { try read(wrong) }
        }
    }

    @Test("names that cannot be taken cost their points, which still count; nothing is refused for them")
    func untakenNames() throws {
        let long = String(repeating: "a", count: 257)
        let points = ["", "loss", long, "a\0b", String(repeating: "b", count: 256)].enumerated().map {
            MetricPoint(key: $1, step: 1, value: Double($0) + 1)
        }
        let batch = try MetricBatch(encoded: MetricBatch(token: token, first: 7, points: points).encoded())
        #expect(batch.series.map(\.key) == [String(repeating: "b", count: 256), "loss"])
        #expect(batch.count == 5 && batch.next == 12)
        #expect(batch.dropped.map(\.kind) == ["metric-name"] && batch.dropped.map(\.count) == [3])
        let many = (0..<5000).map { MetricPoint(key: "k\($0)", step: 1, value: 1) }
        let cut = try MetricBatch(encoded: MetricBatch(token: token, first: 1, points: many).encoded())
        #expect(cut.count == 5000)
        #expect(cut.series.count == MetricLimit.names + 1)
        #expect(cut.dropped.map(\.kind) == ["metric-names"])
    }

    @Test("names of other bytes are other names, also where Swift takes them for one text")
    func namesAreBytes() throws {
        let batch = MetricBatch(
            token: token, first: 1,
            points: [
                MetricPoint(key: "caf\u{E9}", step: 1, value: 1), MetricPoint(key: "cafe\u{301}", step: 1, value: 2),
            ])
        #expect(batch.series.count == 2)
        #expect(try MetricBatch(encoded: batch.encoded()).series.map(\.values) == batch.series.map(\.values))
    }

    @Test("no damaged or cut metric batch is taken, and none crashes the reader")
    func damagedBatches() throws {
        let bytes = MetricBatch(
            token: token, first: 1,
            points: [
                MetricPoint(key: "loss", step: 1, value: 0.5), MetricPoint(key: "loss", step: 2, value: 0.25),
            ]
        ).encoded()
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

    @Test("a grant handed on as text reads as the same grant, first attempts and later ones")
    func textGrants() throws {
        let job = ResolvedJob(
            id: token.job, configuration: ConfigurationID(.of("c")), sweep: try #require(SweepName("s")), group: "g/\"",
            trainer: .core, given: ["lr": .number(1e-4)], parameters: ["lr": .number(1e-4), "é": .text("\n")], seed: 3)
        let text = String(decoding: try WireJSON.encode(job), as: UTF8.self)
        let file = BlobFile(name: "a", sha256: String(repeating: "0", count: 64), bytes: 5)
        let trained = [StoredCheckpoint(name: "step-1", step: 1, epoch: 0, isFinal: false, files: [file])]
        let resume = StoredCheckpoint(name: "step-1", step: 1, epoch: 0, files: [file])
        // What else the ledger knows of a claim does not travel.
        var state = resume
        state.isFinal = false
        let first = ClaimedJob(row: 1, token: token, spec: text, priority: 3)
        let second = ClaimedJob(
            row: 1, token: token, spec: text, priority: 3, resume: state, trained: trained, evaluated: ["base"])
        let grants: [(WireGrant, WireGrant)] = [
            (.claimed(first, leaseSeconds: 0.5), .read(Grant(token: token, job: job, leaseSeconds: 0.5))),
            (
                .claimed(second, leaseSeconds: 60),
                .read(
                    Grant(
                        token: token, job: job, leaseSeconds: 60, resume: resume, trained: trained, evaluated: ["base"])
                )
            ),
        ]
        for (sent, read) in grants { #expect(try .read(sent.grant()) == read) }
        let stops = [StopOrder(token: token, reason: .pause)]
        for outcomes in [[], [ReportOutcome.accepted, .accepted], [ReportOutcome.gap(expected: 4), .accepted]] {
            let sent = ExchangeResponse(number: 9, outcomes: outcomes, grants: grants.map(\.0), stops: stops)
            let wanted = ExchangeResponse(number: 9, outcomes: outcomes, grants: grants.map(\.1), stops: stops)
            #expect(try ExchangeResponse(body: sent.body()) == wanted)
            #expect(try ExchangeResponse(body: wanted.body()) == wanted)
        }
        #expect(try ExchangeResponse(body: ExchangeResponse(number: 1).body()) == ExchangeResponse(number: 1))
    }

    @Test(
        "the OpenAPI document in docs/ is the one that the endpoints make: radiata coordinator openapi > docs/reference/openapi.json"
    )
    func openAPI() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let kept = try String(contentsOf: root.appendingPathComponent("docs/reference/openapi.json"), encoding: .utf8)
        let document = try WireJSON.decode(OpenAPIHead.self, from: Data(kept.utf8))
        #expect(kept == OpenAPI.document(version: document.info.version))
        let calls = document.paths.flatMap { path, methods in methods.keys.map { "\($0.uppercased()) \(path)" } }
        #expect(Set(calls) == Set(Route.all.map { "\($0.method.rawValue) \($0.path)" }))
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
        #expect(Route.all.filter(\.scopes.isEmpty).map(\.name) == ["health", "enrol", "authority"])
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
        let cells: [QueryValue] = [
            .null, .integer(.max), .real(0.5), .text("é\"\n"), .blob([0x00, 0xFF]), .real(.infinity),
        ]
        let data = try WireJSON.encode(cells)
        #expect(try WireJSON.decode([QueryValue].self, from: data) == cells)
    }

    private var launch: LaunchRequest { LaunchRequest(key: "k", bundle: LaunchBundle(fileName: "f", text: "t")) }
}

private struct OpenAPIHead: Decodable {
    struct Info: Decodable { let version: String }
    struct Operation: Decodable { let operationId: String }
    let info: Info
    let paths: [String: [String: Operation]]
}

private let sample = JobID(.of("sample"))
