import Coordinator
import Foundation
import Ports
import RunSpec
import SweepClient
import SweepLedger
import SweepModel
import SweepWire
import Testing

@Suite("The coordinator over HTTP")
struct DaemonTests {
    @Test(
        "a job from launch to result: claim, metrics, checkpoint, evaluation, finish; then everything after a restart")
    func wholeJob() async throws {
        try await DaemonBench.with { bench in
            let launched = try await bench.launch(["1e-4", "1e-3"])
            #expect(launched.jobs == 2 && launched.added == 2 && launched.configurations == 2)
            let one = try await HandWorker("one", bench)
            let grant = try await one.claim()
            #expect(grant.token.attempt == AttemptNumber(1) && grant.job.id == grant.token.job && grant.resume == nil)

            let session = await one.session
            let batch = MetricBatch(
                token: grant.token, session: session, first: 1,
                points: [
                    MetricPoint(key: "loss", step: 1, value: 0.5), MetricPoint(key: "loss", step: 2, value: .nan),
                ])
            #expect(try await bench.call(.metrics, batch).next == 3)
            #expect(try await bench.call(.metrics, batch).next == 3)
            let gap = await #expect(throws: ClientError.self) {
                try await bench.call(
                    .metrics,
                    MetricBatch(
                        token: grant.token, session: session, first: 9,
                        points: [MetricPoint(key: "loss", step: 9, value: 1)]))
            }
            #expect(gap?.answer?.code == .gap && gap?.answer?.expected == 3)

            let state = try await one.upload("state")
            let manifest = CheckpointManifest(
                step: 2, epoch: 1, final: true,
                files: [
                    .init(name: "adapter.safetensors", kind: .adapter, bytes: 5, sha256: state),
                    .init(name: "state.json", kind: .state, bytes: 5, sha256: state),
                ])
            let early = CheckpointReport(name: "step-00000002", manifest: manifest, streamPosition: 4)
            #expect(try await one.report(grant.token, .checkpoint(early)) == .gap(expected: 3))
            let report = CheckpointReport(name: "step-00000002", manifest: manifest, streamPosition: 2)
            let row = EvaluationRow(
                checkpoint: "step-00000002", epoch: 1, step: 2, class: "", prompts: "train", metric: "vendi",
                value: 3.5, n: 4)
            let outcomes = try await one.exchange([
                Report(token: grant.token, .checkpoint(report)),
                Report(token: grant.token, .evaluations(EvaluationReport(rows: [row], completed: ["step-00000002"]))),
                Report(token: grant.token, .log(LogReport(offset: 0, text: "hello\n"))),
                Report(token: grant.token, .finished(FinishReport(streamPosition: 2))),
            ]).outcomes
            #expect(outcomes == Array(repeating: .accepted, count: 4))

            try await bench.stop()
            try await bench.start()
            await one.reconnect()
            #expect(try await one.report(grant.token, .finished(FinishReport(streamPosition: 2))) == .accepted)
            let status = try await bench.call(.status, SweepRequest(sweep: "t"))
            #expect(status.sweeps.map(\.states) == [["done": 1, "waiting": 1]])
            let detail = try await bench.call(.job, JobRequest(job: String(grant.token.job.text.prefix(8))))
            #expect(detail.job.state == "done" && detail.checkpoints.map(\.name) == ["step-00000002"])
            #expect(detail.attempts.map(\.outcome) == ["done"])
            let log = try await bench.call(.logs, LogRequest(job: detail.job.id))
            #expect(log.text == "hello\n" && log.isComplete)
            #expect(
                try await bench.query("SELECT step, value FROM metrics ORDER BY step")
                    == [[.integer(1), .real(0.5)], [.integer(2), .null]])
            #expect(
                try await bench.query("SELECT metric, value, n FROM results") == [
                    [.text("vendi"), .real(3.5), .integer(4)]
                ])
            let csv = try await bench.call(.export, ExportRequest(sweep: "t", format: .csv))
            #expect(String(decoding: csv.bytes, as: UTF8.self).contains("vendi,3.5,4"))
            #expect(
                try await bench.call(.getBlob, BlobRange(sha256: state, offset: 1, count: 3)).bytes == Data("tat".utf8))
            #expect(try await bench.call(.check, Nothing()).findings == [])
        }
    }

    @Test(
        "a silent worker's job goes to another, which goes on from the newest state; the zombie is refused everywhere")
    func expiryAndZombie() async throws {
        try await DaemonBench.with(lease: .milliseconds(200)) { bench in
            try await bench.launch(["1e-4"])
            let one = try await HandWorker("one", bench)
            let first = try await one.claim()
            let state = try await one.upload("state of step 5")
            let manifest = CheckpointManifest(
                step: 5, epoch: 1, final: false,
                files: [.init(name: "state.json", kind: .state, bytes: 15, sha256: state)])
            let report = CheckpointReport(name: "step-00000005", manifest: manifest, streamPosition: 0)
            #expect(try await one.report(first.token, .checkpoint(report)) == .accepted)
            let two = try await HandWorker("two", bench)
            let second = try await two.claim()
            #expect(second.token.attempt == AttemptNumber(2))
            #expect(second.resume?.step == 5 && second.resume?.files.map(\.sha256) == [state])
            #expect(try await one.heartbeat(first.token) == .superseded)
            #expect(try await one.report(first.token, .finished(FinishReport(streamPosition: 0))) == .superseded)
            let session = await one.session
            let late = await #expect(throws: ClientError.self) {
                try await bench.call(
                    .metrics,
                    MetricBatch(
                        token: first.token, session: session, first: 1,
                        points: [MetricPoint(key: "loss", step: 1, value: 1)]))
            }
            #expect(late?.answer?.code == .superseded)
            #expect(try await two.report(second.token, .finished(FinishReport(streamPosition: 0))) == .accepted)
            #expect(
                try await bench.query("SELECT state, attempts, worker FROM jobs") == [
                    [.text("done"), .integer(2), .text("two")]
                ])
            #expect(
                try await bench.query("SELECT attempt, kind FROM quarantine") == [[.integer(1), .text("finished")]])
        }
    }

    @Test("a poll that waits gets the job of a launch; the same exchange again gets the same job again")
    func longPollAndReplay() async throws {
        try await DaemonBench.with { bench in
            let one = try await HandWorker("one", bench)
            async let grant = one.claim()
            try await bench.launch(["1e-4", "1e-3"])
            let first = try await grant
            let session = await one.session
            let again = try await bench.call(
                .exchange, ExchangeRequest(session: session, number: 1, reports: [], freeSlots: 1, waitSeconds: 0))
            #expect(again.grants == [.read(first)])
            try await bench.stop()
            try await bench.start()
            let afterRestart = try await bench.call(
                .exchange, ExchangeRequest(session: session, number: 1, reports: [], freeSlots: 1, waitSeconds: 0))
            #expect(afterRestart.grants == [.read(first)])
            #expect(try await one.heartbeat(first.token) == .fine)
        }
    }

    @Test("a new session of a worker is told of what its old one held, and gives it back without penalty")
    func leftovers() async throws {
        try await DaemonBench.with { bench in
            try await bench.launch(["1e-4"])
            let one = try await HandWorker("one", bench)
            let grant = try await one.claim()
            #expect(try await one.restart().leftovers == [grant.token])
            #expect(try await one.report(grant.token, .released(ReleaseReport(reason: .restart))) == .accepted)
            let again = try await one.claim()
            #expect(again.token.attempt == AttemptNumber(2))
        }
    }

    @Test("cancel reaches a running job through the waiting poll; resume brings it back")
    func cancelAndResume() async throws {
        try await DaemonBench.with { bench in
            try await bench.launch(["1e-4"])
            let one = try await HandWorker("one", bench)
            let grant = try await one.claim()
            async let told = one.exchange(free: 1, wait: 30)
            let canceled = try await bench.call(.action, ActionRequest(action: .cancel, target: "t"))
            #expect(canceled.changed == 1)
            // The poll may come after the cancel: then the heartbeat says it.
            #expect(try await one.heartbeat(grant.token) == .superseded)
            let resumed = try await bench.call(
                .action, ActionRequest(action: .resume, target: String(grant.token.job.text.prefix(10))))
            #expect(resumed.changed == 1)
            let next = try await told
            if next.grants.isEmpty {
                #expect(next.stops.allSatisfy { $0.token == grant.token })
                #expect(try await one.claim().token.attempt == AttemptNumber(2))
            } else {
                #expect(next.grants.map(\.token.attempt) == [AttemptNumber(2)])
            }
        }
    }

    @Test("a sweep file with faults is refused with all of them; an unknown job or sweep is named")
    func refusals() async throws {
        try await DaemonBench.with { bench in
            let bad = LaunchBundle(fileName: "bad.yaml", text: "name: Bad Name\nnonsense: 1\ngroups: []\n")
            let error = await #expect(throws: ClientError.self) {
                try await bench.call(.launch, LaunchRequest(key: String(repeating: "k", count: 32), bundle: bad))
            }
            #expect(error?.answer?.code == .badRequest)
            #expect(error?.message.contains("nonsense") == true && error?.message.contains("Bad Name") == true)
            for missing in ["nosuchsweep", "deadbeefdead"] {
                let error = await #expect(throws: ClientError.self) {
                    try await bench.call(.action, ActionRequest(action: .pause, target: missing))
                }
                #expect(error?.answer?.code == .notFound && error?.message.contains(missing) == true)
            }
            let write = await #expect(throws: ClientError.self) { try await bench.query("DELETE FROM job") }
            #expect(write?.answer?.code == .badRequest)
        }
    }

    @Test("the page for people holds nothing of the ledger by itself: its scripts ask for it")
    func dashboard() async throws {
        try await DaemonBench.with { bench in
            try await bench.launch(["1e-4"])
            _ = try await HandWorker("<b>w</b>", bench)
            let page = Endpoint<Nothing, RawBytes>("page", .get, "/", scopes: [])
            let text = String(decoding: try await bench.call(page, Nothing()).bytes, as: UTF8.self)
            #expect(text.contains("<title>Radiata</title>") && text.contains("type=\"module\""))
            #expect(!text.contains("<b>w") && !text.contains("&lt;b&gt;w"))
        }
    }
}
