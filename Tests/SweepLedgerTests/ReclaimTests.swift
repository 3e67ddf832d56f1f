import Foundation
import GRDB
import Ports
import RunSpec
import SweepLedger
import SweepModel
import Testing

@Suite("Sweeps that are put away")
struct ReclaimTests {
    /// Two sweeps: `a` has jobs a1, a2 and both, `b` has both. Each job has two checkpoints and a sheet. Both
    /// name the input `shared`, and each one of its own.
    private func house(finishing jobs: [String] = ["a1", "a2", "both"]) async throws -> LedgerBench {
        let bench = try LedgerBench()
        _ = try await bench.register("one")
        for (sweep, names) in [("a", ["a1", "a2", "both"]), ("b", ["both"])] {
            for input in [sweep, "shared"] {
                let content = "input \(input)"
                _ = try await bench.blob(content)
                let tree = TreeDigest(
                    file: TreeFile(path: input, size: Int64(content.utf8.count), sha256: ContentDigest.of(content)))
                _ = try await bench.ledger.writer.perform(StoreInput(name: input, tree: tree, now: bench.now))
            }
            let bundle = LaunchBundle(
                fileName: "f", text: sweep,
                inputs: [
                    "own": ResolvedInput(path: "/x", digest: .of("input \(sweep)")),
                    "shared": ResolvedInput(path: "/y", digest: .of("input shared")),
                ])
            let launched = try await bench.ledger.writer.perform(
                LaunchSweep(
                    key: SystemRandom().hexadecimal(bytes: 16), digest: sweep, name: try #require(SweepName(sweep)),
                    fileDigest: "d", bundle: String(decoding: try JSONEncoder().encode(bundle), as: UTF8.self),
                    priority: 0, configurations: 1, checkpoints: 1,
                    jobs: try names.map { try LaunchJob(LedgerBench.job($0)) }, now: bench.now))
            for (name, change) in zip(names, launched.changes) where jobs.contains(name) {
                try await train(name, change.row, bench)
            }
        }
        return bench
    }

    private func train(_ name: String, _ row: Int64, _ bench: LedgerBench) async throws {
        let token = try await bench.claim("one", row).token
        _ = try await bench.metrics(token, first: 1, [1, 2], [0.5, 0.25])
        for step in [10, 20] {
            let report = try await bench.checkpoint(step: step, final: step == 20, content: name)
            #expect(try await bench.report("one", token, report) == .accepted)
        }
        let sheet = try await bench.blob("sheet \(name)")
        let artifact = StoredArtifact(
            checkpoint: AttemptFolder.checkpointName(step: 20), kind: "contact-sheet", name: "s.png", sha256: sheet,
            bytes: 10)
        #expect(try await bench.report("one", token, .artifacts(ArtifactReport(rows: [artifact]))) == .accepted)
        let value = EvaluationRow(
            checkpoint: "c", epoch: 2, step: 20, class: "", prompts: "p", metric: "m", value: 1, n: 1)
        #expect(try await bench.report("one", token, .evaluations(rows: [value], completed: [])) == .accepted)
        #expect(try await bench.report("one", token, .finished(position: 2)) == .accepted)
    }

    /// Slice by slice, as the coordinator does it.
    private func reclaim(
        _ sweep: String, _ action: ReclaimAction, _ bench: LedgerBench, slice: Int = 200, slices: Int = .max
    ) async throws -> (jobs: Int, blobs: Int, bytes: Int) {
        var total = (jobs: 0, blobs: 0, bytes: 0)
        var after: Int64? = 0
        var count = 0
        while let start = after, count < slices {
            let done = try await bench.ledger.writer.perform(
                ReclaimSweep(
                    sweep: sweep, action: action, after: start, before: total, mostJobs: slice, now: bench.now))
            try await bench.ledger.removeFiles(of: done.files)
            total = (total.jobs + done.jobs, total.blobs + done.files.count, total.bytes + done.bytes)
            after = done.after
            count += 1
        }
        return total
    }

    private func there(_ contents: [String], _ bench: LedgerBench) throws -> [String] {
        try contents.filter { try bench.ledger.blobs.size(.of($0)) != nil }
    }

    private static let all =
        ["a1", "a2", "both"].flatMap { name in
            [10, 20].flatMap { ["\(name) \($0)", "adapter \(name) \($0)"] } + ["sheet \(name)"]
        } + ["input a", "input b", "input shared"]

    private static func bytes(_ contents: [String]) -> Int { contents.reduce(0) { $0 + $1.utf8.count } }

    @Test("an archive keeps rows and the newest adapters; what is told before is what goes", arguments: [1, 200])
    func archive(slice: Int) async throws {
        let bench = try await house()
        let plan = try await bench.ledger.reclaimable(sweep: "a", .archive)
        let gone = ["a1", "a2"].flatMap { ["\($0) 10", "\($0) 20", "adapter \($0) 10", "sheet \($0)"] } + ["input a"]
        #expect(plan.jobs == 2 && plan.blobs == gone.count && plan.bytes == Self.bytes(gone))
        #expect(plan.shared == [.init(job: JobID(.of("both")).text, sweeps: ["b"])] && plan.sharedWith == ["b"])
        let done = try await reclaim("a", .archive, bench, slice: slice)
        #expect(done.blobs == gone.count && done.bytes == Self.bytes(gone))
        #expect(try there(Self.all, bench) == Self.all.filter { !gone.contains($0) })
        #expect(try bench.query("SELECT count(*) FROM metrics") == [[.integer(6)]])
        #expect(try bench.query("SELECT count(*) FROM results") == [[.integer(3)]])
        let check = try await bench.ledger.check()
        #expect(check.findings == [])
        let summary = try #require(try await bench.ledger.sweeps(named: "a").first)
        #expect(summary.archived == bench.now.milliseconds && summary.states == ["done": 3])

        // Once more: nothing is left to do. Then the other sweep, which nobody shares with any more.
        let again = try await bench.ledger.reclaimable(sweep: "a", .archive)
        #expect(again.wasDone && again.blobs == 0)
        #expect(try await reclaim("a", .archive, bench, slice: slice).blobs == 0)
        let last = try await reclaim("b", .archive, bench, slice: slice)
        #expect(last.blobs == 4 + 2)
        #expect(try there(Self.all, bench) == ["adapter a1 20", "adapter a2 20", "adapter both 20"])
        #expect(try await bench.ledger.check().findings == [])
    }

    @Test("a deletion leaves nothing but what the other sweep has, wherever it is cut off", arguments: [0, 1, 2, 3])
    func delete(cut: Int) async throws {
        let bench = try await house()
        let plan = try await bench.ledger.reclaimable(sweep: "a", .delete)
        #expect(plan.jobs == 2 && plan.sharedJobs == 1)
        _ = try await reclaim("a", .delete, bench, slice: 1, slices: cut)
        try bench.reopen()
        #expect(try await bench.ledger.check().findings == [])
        _ = try await reclaim("a", .delete, bench, slice: 1)
        #expect(try await bench.ledger.check().findings == [])
        #expect(
            try there(Self.all, bench)
                == Self.all.filter { $0.contains("both") || $0 == "input b" || $0 == "input shared" })
        #expect(try bench.query("SELECT id, sweep FROM jobs") == [[.text(JobID(.of("both")).text), .text("b")]])
        for (table, rows) in [
            ("sweep", 1), ("attempt", 1), ("metric", 2), ("evaluation", 1), ("configuration", 1), ("member", 1),
            ("sweep_file", 1), ("artifact", 1), ("input", 2), ("checkpoint", 2),
        ] { #expect(try bench.query("SELECT count(*) FROM \(table)") == [[.integer(Int64(rows))]], "\(table)") }
        // Gone is gone; asking again changes nothing and is no fault.
        #expect(try await bench.ledger.reclaimable(sweep: "a", .delete).wasDone)
        #expect(try await reclaim("a", .delete, bench).jobs == 0)
        // Numbers of attempts are given again: what was measured under them is not found there.
        let launched = try await bench.launch(["new"], sweep: "c")
        let token = try await bench.claim("one", try #require(launched.changes.first?.row)).token
        #expect(try bench.query("SELECT count(*) FROM metrics WHERE job = '\(token.job)'") == [[.integer(0)]])
    }

    @Test("a process that ends between rows and files leaves files that the garbage collector finds")
    func crashed() async throws {
        let bench = try await house()
        let done = try await bench.ledger.writer.perform(ReclaimSweep(sweep: "a", action: .archive, now: bench.now))
        #expect(!done.files.isEmpty)
        try bench.reopen()
        #expect(try there(Self.all, bench) == Self.all)
        // The store's own clock is that of the files: they must be a day old.
        let old = Date(timeIntervalSince1970: Double(bench.now.milliseconds) / 1000 - 3 * 24 * 3600)
        for digest in done.files {
            let path = bench.ledger.blobs.path(try #require(ContentDigest(digest)))
            try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: path)
        }
        _ = try await bench.ledger.collect(now: bench.now)
        #expect(try there(Self.all, bench).count == Self.all.count - done.files.count)
    }

    @Test("what is not over is refused, an unknown sweep is not found")
    func refused() async throws {
        let bench = try await house(finishing: ["a1"])
        for action in ReclaimAction.allCases {
            let active = await #expect(throws: LedgerError.self) {
                try await bench.ledger.reclaimable(sweep: "a", action)
            }
            #expect(active?.code == .conflict && active?.message.contains("1 waiting") == true)
            await #expect(throws: LedgerError.self) { try await reclaim("a", action, bench) }
            let unknown = await #expect(throws: LedgerError.self) { try await reclaim("z", action, bench) }
            #expect(unknown?.code == .notFound)
        }
        // The job that b wants too may go on waiting.
        _ = try await bench.ledger.writer.perform(
            ChangeJobs(action: .cancel, target: "a", failure: nil, ledgerID: bench.ledger.id, now: bench.now))
        #expect(try bench.state("both") == .text("waiting"))
        #expect(try await reclaim("a", .delete, bench).jobs == 2)
        #expect(try bench.state("both") == .text("waiting"))
    }

    @Test("a blob that somebody asked for since it was uploaded keeps its grace")
    func asked() async throws {
        let bench = try await house()
        _ = try await bench.ledger.writer.perform(
            KeepBlobs(
                sha256: [ContentDigest.of("a1 20").text], now: WallTime(milliseconds: bench.now.milliseconds + 1000)))
        let plan = try await bench.ledger.reclaimable(sweep: "a", .archive)
        #expect(plan.laterBlobs == 1 && plan.laterBytes == 5 && plan.blobs == 8)
        _ = try await reclaim("a", .archive, bench)
        #expect(try there(["a1 20"], bench) == ["a1 20"])
        let later = WallTime(milliseconds: bench.now.milliseconds + 2 * AddBlobs.graceMilliseconds)
        _ = try await bench.ledger.collect(now: later)
        #expect(try there(["a1 20"], bench) == [])
    }

    @Test("an archived sweep is not resumed nor branched; launching its file opens it again")
    func closed() async throws {
        let bench = try await house()
        _ = try await reclaim("a", .archive, bench)
        for action in [JobAction.resume, .unpause] {
            for target in ["a", JobID(.of("a1")).text] {
                await #expect(throws: LedgerError.self) {
                    try await bench.ledger.writer.perform(
                        ChangeJobs(
                            action: action, target: target, failure: nil, ledgerID: bench.ledger.id, now: bench.now))
                }
            }
        }
        let branched = await #expect(throws: LedgerError.self) {
            try await bench.ledger.writer.perform(
                BranchJob(.rerun(["lr": 1]), of: JobID(.of("a1")).text, now: bench.now))
        }
        #expect(branched?.message.contains("archived") == true)
        try await bench.launch(["a1"], sweep: "a")
        #expect(try await bench.ledger.sweeps(named: "a").first?.archived == nil)
    }
}
