import CoordinatorOperations
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Ports
import RunSpec
import SweepLedger
import SweepModel
import SweepWire

/// What the page reads.
extension Routes {
    private struct Start: Encodable, Sendable {
        let version = 1
        let ledger: String
        let scope: String
        let mayChange: Bool
        let now: Int64
        /// Packages whose library is not here.
        let missing: [String]
        /// What people should know and do something about.
        let notice: String?
    }

    private struct Sweeps: Encodable, Sendable {
        let version = 1
        let now: Int64
        let sweeps: [PageSweep]
    }

    private struct Head: Encodable, Sendable {
        let version = 1
        let now: Int64
        let sweep: PageSweep
        let cost: PageSweep.Cost
    }

    /// What its jobs are made of: known once all of them were read.
    private struct Shape: Encodable, Sendable {
        let version = 1
        /// Whether it is of all jobs: before they were read it is of some.
        let isWhole: Bool
        let failures: [JobTable.FailureGroup]
        let parameters: [String]
        let constants: [String]
        let measured: SweepTables.Measured
    }

    func addPageCalls(_ router: Router<CallContext>) {
        mountPage(.start, on: router) { call in
            try await Self.json(
                Start(
                    ledger: operations.ledger.id, scope: call.principal.scope.rawValue,
                    mayChange: call.principal.scope.allows(.submit), now: operations.wall.milliseconds,
                    missing: page.assets.missing, notice: operations.notice))
        }
        mountPage(.sweeps, on: router) { _ in
            let now = operations.wall.milliseconds
            let (sweeps, paces) = (try await sweepSummaries(), try await paces())
            return try await Self.json(
                Sweeps(now: now, sweeps: sweeps.map { PageSweep($0, paces[$0.name], now: now) }))
        }
        mountPage(.sweep, on: router) { call in try await sweep(try call.required("sweep")) }
        mountPage(.shape, on: router) { call in try await shape(try call.required("sweep")) }
        mountPage(.measured, on: router) { call in
            try await Self.json(try await page.tables.measured(try call.required("sweep")))
        }
        mountPage(.settings, on: router) { call in
            let found = try await operations.ledger.settings(job: try call.required("job"))
            var settings = found.parameters
            settings["seed"] = .number(Double(found.seed))
            return try await Self.json(settings)
        }
        mountPage(.usage, on: router) { _ in try await Self.json(try await operations.ledger.usage()) }
        mountPage(.picture, on: router) { call in try await picture(call) }
        mountPage(.curves, on: router) { call in try await curves(call) }
        mountPage(.live, on: router) { call in try await live(call) }
        addTables(router)
        addAnalyses(router)
    }

    private func addTables(_ router: Router<CallContext>) {
        mountPage(.jobs, on: router) { call in try await jobs(call) }
        mountPage(.points, on: router) { call in try await points(call) }
    }

    private func addAnalyses(_ router: Router<CallContext>) {
        mountPage(.ranking, on: router) { call in
            let (sweep, metric) = (try call.required("sweep"), call.text("metric"))
            let answer = try await ranking(sweep, metric, patience: SweepTables.patience)
            return EndpointMount.response(
                .ok, "application/json", answer.body(isOld: page.rankings.isUnderway("\(sweep)\n\(metric)")))
        }
        mountPage(.verdict, on: router) { call in
            let answer = try await ranking(try call.required("sweep"), "", patience: SweepTables.patience)
            return try await Self.json(["verdict": answer.verdict])
        }
        mountPage(.importance, on: router) { call in
            let (sweep, metric) = (try call.required("sweep"), call.text("metric"))
            let source = LedgerSource(ledger: operations.ledger)
            let mark = try await operations.ledger.mark(ofSweep: sweep)
            return try await Self.json(
                try await page.importances.value(
                    "\(sweep)\n\(metric)", age: .seconds(30), mark: mark, patience: SweepTables.patience
                ) { _ in try await PageImportance.find(sweep, metric: metric, source) })
        }
        mountPage(.pictures, on: router) { call in
            let pictures = try await pictures(try call.required("sweep"), patience: SweepTables.patience)
            return EndpointMount.response(.ok, "application/json", pictures.body)
        }
    }

    private func shape(_ sweep: String) async throws -> Response {
        async let measured = page.tables.measured(sweep)
        let jobs = try await sweepSummaries().first { $0.name == sweep }?.jobs ?? 0
        let isWhole = jobs <= SweepTables.small || page.tables.isKnown(sweep)
        let parameters: [(name: String, isConstant: Bool)]
        var failures: [JobTable.FailureGroup] = []
        if isWhole {
            let table = try await page.tables.table(sweep)
            parameters = table.parameters
            failures = try await BlockingWork.text { table.failures(most: 20) }
        } else {
            page.tables.begin(sweep)
            parameters = try await page.tables.sampledParameters(sweep)
        }
        return try await Self.json(
            Shape(
                isWhole: isWhole, failures: failures, parameters: parameters.filter { !$0.isConstant }.map(\.name),
                constants: parameters.filter(\.isConstant).map(\.name), measured: try await measured))
    }

    /// - Parameter patience: as `Memo.value` has it.
    func pictures(_ sweep: String, patience: Duration? = nil) async throws -> PagePictures {
        let source = LedgerSource(ledger: operations.ledger)
        let mark = try await operations.ledger.mark(ofSweep: sweep)
        let jobs = try await sweepSummaries().first { $0.name == sweep }?.jobs ?? 0
        return try await page.pictures.value(sweep, age: .seconds(3), mark: mark, patience: patience) { _ in
            try await PagePictures(ofSweep: sweep, isLarge: jobs > SweepTables.small, source)
        }
    }

    func sweepSummaries() async throws -> [SweepSummary] {
        let ledger = operations.ledger
        return try await page.sweeps.value("", age: .milliseconds(500)) { _ in try await ledger.sweeps() }
    }

    func paces() async throws -> [String: SweepPace] {
        let ledger = operations.ledger
        return try await page.paces.value("", age: .seconds(2), stale: .seconds(20)) { _ in try await ledger.paces() }
    }

    /// While a newer one is found the last answer stands in for it.
    ///
    /// - Parameter patience: as `Memo.value` has it.
    func ranking(_ sweep: String, _ metric: String, patience: Duration? = nil) async throws -> RankingAnswer {
        let source = LedgerSource(ledger: operations.ledger)
        let mark = try await operations.ledger.mark(ofSweep: sweep)
        let (key, time) = ("\(sweep)\n\(metric)", operations.engine.time)
        // However many look, at most a tenth of a core goes into it.
        let age = max(.seconds(5), (page.rankings.known(key)?.took ?? .zero) * 10)
        return try await page.rankings.value(key, age: age, mark: mark, patience: patience) { _ in
            let began = time.monotonic()
            var ranking = try await PageRanking.find(sweep, metric: metric, source)
            ranking.at = time.wall().milliseconds
            return try await RankingAnswer(ranking, took: time.monotonic() - began)
        }
    }

    private func sweep(_ name: String) async throws -> Response {
        let (ledger, now) = (operations.ledger, operations.wall.milliseconds)
        guard let summary = try await sweepSummaries().first(where: { $0.name == name }) else {
            throw WireError(.notFound, "no sweep '\(name.prefix(100))'")
        }
        page.tables.begin(name)
        let cost = try await page.costs.value(name, age: .seconds(2)) { _ in
            let cost = try await ledger.cost(sweep: name, now: now)
            return PageSweep.Cost(attempts: cost.attempts, hours: Double(cost.milliseconds) / 3_600_000)
        }
        let pace = try await paces()[name]
        return try await Self.json(Head(now: now, sweep: PageSweep(summary, pace, now: now), cost: cost))
    }

    /// Only what is a picture or a video is served as one, by its content.
    private func picture(_ call: PageCall) async throws -> Response {
        guard let digest = ContentDigest(call.text("sha256")) else {
            throw WireError(.badRequest, "sha256: wanted 64 lower-case hex digits")
        }
        let blobs = operations.ledger.blobs
        let (size, head) = try await BlockingWork.run {
            (try blobs.size(digest), try blobs.read(digest, offset: 0, count: MediaFormat.headBytes))
        }
        guard let size, let head else { throw WireError(.notFound, "picture \(digest) is not in the store") }
        guard let type = MediaFormat(head) else {
            throw WireError(.badRequest, "blob \(digest) is neither a picture nor a video that browsers show")
        }
        // A part of one would look like all of it.
        guard size <= Self.largestPicture else {
            throw WireError(
                .tooLarge,
                "\(digest) has \(size >> 20) MiB; the page shows at most \(Self.largestPicture >> 20): "
                    + "fetch the job with --samples")
        }
        let data = try await BlockingWork.run { try blobs.read(digest, offset: 0, count: size) }
        guard let data else { throw WireError(.notFound, "picture \(digest) is not in the store") }
        return EndpointMount.response(.ok, type.rawValue, data)
    }

    /// Bytes of a picture or video that is served whole from memory.
    private static var largestPicture: Int { 64 << 20 }
}
