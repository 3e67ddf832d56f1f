import Foundation
import Ports
import RunSpec
import SweepClient
import SweepModel
import SweepWire
import Testing

/// Jobs made of others, tags and notes, and sweeps put away: over HTTP, with a worker played by hand.
@Suite("Keeping")
struct KeepingTests {
    private static let text = """
        name: keep
        trainer: { command: [train, --epochs, "{epochs}", --lr, "{lr}"], resume: [--resume, "{checkpoint}"] }
        groups: [ { name: g, list: [ { lr: 1e-4, epochs: 2 } ] } ]
        """

    private func launch(_ bench: DaemonBench, _ text: String = text) async throws {
        _ = try await bench.call(
            .launch,
            LaunchRequest(
                key: SystemRandom().hexadecimal(bytes: 16), bundle: LaunchBundle(fileName: "k.yaml", text: text)))
    }

    /// Saves an adapter and a state at a step, and ends.
    private func train(_ worker: HandWorker, _ grant: Grant, step: Int) async throws {
        let files = try await [("adapter", CheckpointManifest.Kind.adapter), ("state", .state)].asyncMap { name, kind in
            let content = "\(name) \(grant.job.id.short) \(step)"
            return CheckpointManifest.File(
                name: name, kind: kind, bytes: content.utf8.count, sha256: try await worker.upload(content))
        }
        let report = CheckpointReport(
            name: AttemptFolder.checkpointName(step: step),
            manifest: CheckpointManifest(step: step, epoch: step / 10, final: true, files: files), streamPosition: 0)
        #expect(try await worker.report(grant.token, .checkpoint(report)) == .accepted)
        #expect(try await worker.report(grant.token, .finished(FinishReport(streamPosition: 0))) == .accepted)
    }

    @Test("an extension and a rerun are granted, the extension with its parent's state; repeats make nothing")
    func branches() async throws {
        try await DaemonBench.with { bench async throws in
            try await launch(bench)
            let worker = try await HandWorker("one", bench)
            let parent = try await worker.claim()
            try await train(worker, parent, step: 20)
            let id = parent.job.id.text
            let request = BranchRequest(way: .extend, job: String(id.prefix(8)), epochs: 5)
            let made = try await bench.call(.branch, request)
            #expect(
                made.isNew && made.parent == id && made.step == 20 && made.sweep == "keep" && made.state == "waiting")
            #expect(try await bench.call(.branch, request).job == made.job)
            // A worker that waits gets it at once, told where to go on.
            let child = try await worker.claim()
            #expect(child.job.id.text == made.job && child.job.parameters["epochs"] == 5)
            #expect(child.resume?.step == 20)
            #expect(child.resume?.files.map(\.sha256) == [ContentDigest.of("state \(parent.job.id.short) 20").text])
            try await train(worker, child, step: 50)
            let again = try await bench.call(.branch, BranchRequest(way: .rerun, job: id, set: ["lr": 2e-4]))
            let rerun = try await worker.claim()
            #expect(rerun.job.id.text == again.job && rerun.resume == nil && rerun.job.given["lr"] == 2e-4)
            let jobs = try await bench.call(.jobs, JobsRequest(sweep: "keep")).items
            #expect(jobs.map(\.group) == ["g", "extend", "rerun"] && jobs.map(\.parent) == [nil, id, id])
            let audit = try await bench.query("SELECT call, detail FROM audit WHERE call = 'branch'")
            #expect(audit.count == 3)
            for (request, code) in [
                (BranchRequest(way: .extend, job: id), WireError.Code.badRequest),
                (BranchRequest(way: .extend, job: id, epochs: 2), .badRequest),
                (BranchRequest(way: .rerun, job: id, set: ["lrr": 1]), .badRequest),
                (BranchRequest(way: .extend, job: made.job.replacing("a", with: "b"), epochs: 9), .notFound),
                (BranchRequest(way: .extend, job: again.job, epochs: 9), .conflict),
            ] {
                let error = await #expect(throws: ClientError.self) { try await bench.call(.branch, request) }
                #expect(error?.answer?.code == code, "\(request): \(error?.message ?? "")")
            }
        }
    }

    @Test("a sweep is looked at, archived and deleted; the disk is as much emptier as was said")
    func reclaim() async throws {
        try await DaemonBench.with { bench async throws in
            try await launch(bench)
            let worker = try await HandWorker("one", bench)
            func reclaim(_ action: ReclaimAction, trial: Bool = false) async throws -> ReclaimReport {
                try await bench.call(.reclaim, ReclaimRequest(sweep: "keep", action: action, isTrial: trial))
            }
            let early = await #expect(throws: ClientError.self) { try await reclaim(.delete) }
            #expect(early?.answer?.code == .conflict && early?.message.contains("radiata cancel keep") == true)
            let grant = try await worker.claim()
            try await train(worker, grant, step: 20)
            func disk() throws -> Int {
                try FileManager.default.subpathsOfDirectory(atPath: bench.folder + "/blobs").reduce(0) { sum, name in
                    let info = try DiskFiles().information("\(bench.folder)/blobs/\(name)")
                    return sum + (info?.isRegular == true ? Int(info?.size ?? 0) : 0)
                }
            }
            let before = try disk()
            let plan = try await reclaim(.archive, trial: true)
            #expect(plan.blobs == 1 && plan.bytes > 0 && !plan.isDone)
            #expect(try disk() == before)
            let archived = try await reclaim(.archive)
            #expect(archived.isDone && archived.bytes == plan.bytes)
            #expect(try disk() == before - plan.bytes)
            #expect(try await bench.call(.status, SweepRequest(sweep: "keep")).sweeps[0].archived != nil)
            #expect(try await reclaim(.archive).blobs == 0)
            let deleted = try await reclaim(.delete)
            #expect(deleted.jobs == 1 && deleted.blobs == 1)
            #expect(try disk() == 0)
            #expect(try await reclaim(.delete).wasDone)
            #expect(try await bench.call(.sweeps, Nothing()).items.isEmpty)
            #expect(try await bench.call(.check, Nothing()).findings == [])
            let audit = try await bench.query(
                "SELECT DISTINCT call FROM audit WHERE call IN ('archive', 'delete') ORDER BY 1")
            #expect(audit == [[.text("archive")], [.text("delete")]])
            // The name is free again. The job's first life is over: what it still sends is not taken for its
            // second one's.
            try await launch(bench)
            let again = try await worker.claim()
            #expect(again.job.id == grant.job.id && again.token.attempt.value == 2)
            #expect(
                try await worker.report(grant.token, .finished(FinishReport(streamPosition: 0))) == .superseded)
            try await train(worker, again, step: 20)
            #expect(try await bench.call(.check, Nothing()).findings == [])
        }
    }

    @Test("tags and notes are in lists, and jobs are found by them")
    func annotations() async throws {
        try await DaemonBench.with { bench async throws in
            try await bench.launch(["1e-4", "1e-3"])
            let jobs = try await bench.call(.jobs, JobsRequest()).items
            let request = AnnotateRequest(target: jobs[1].id, add: ["keep"], note: "the better one")
            #expect(try await bench.call(.annotate, request).tags == ["keep"])
            _ = try await bench.call(.annotate, AnnotateRequest(target: "t", add: ["paper"]))
            #expect(try await bench.call(.jobs, JobsRequest(tag: "keep")).items.map(\.id) == [jobs[1].id])
            #expect(try await bench.call(.job, JobRequest(job: jobs[1].id)).job.note == "the better one")
            #expect(try await bench.call(.status, SweepRequest(sweep: "t")).sweeps[0].tags == ["paper"])
            let read = try await bench.call(.createToken, TokenRequest(scope: .read)).token
            let refused = await #expect(throws: ClientError.self) {
                try await bench.call(.annotate, request, token: read)
            }
            #expect(refused?.answer?.code == .forbidden)
            let submit = try await bench.call(.createToken, TokenRequest(scope: .submit)).token
            let deletion = await #expect(throws: ClientError.self) {
                try await bench.call(
                    .reclaim, ReclaimRequest(sweep: "t", action: .delete, isTrial: false), token: submit)
            }
            #expect(deletion?.answer?.code == .forbidden)
        }
    }
}

extension Array {
    fileprivate func asyncMap<Value>(_ body: (Element) async throws -> Value) async throws -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await body(element)) }
        return values
    }
}
