import Foundation
import Ports
import RunSpec
import SweepClient
import SweepModel
import SweepWire
import Testing

@Suite("What becomes of workers, and why jobs wait")
struct WorkerStateTests {
    private func worker(_ bench: DaemonBench, _ id: String) async throws -> WorkerSummary {
        let status = try await bench.call(.status, SweepRequest(sweep: ""))
        return try #require(status.workers.first { $0.id == id })
    }

    /// Asks until it is so: the coordinator tells nobody of silence.
    private func reaches(_ bench: DaemonBench, _ id: String, _ state: String) async throws -> WorkerSummary {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(60)
        while clock.now < end {
            let found = try await worker(bench, id)
            if found.state == state { return found }
            try await clock.sleep(for: .milliseconds(20))
        }
        throw WireError(.notFound, "\(id) is never \(state)")
    }

    @Test(
        "a polite stop is 'stopped' and a silent worker 'silent', with remedies, also after a restart of the coordinator"
    )
    func states() async throws {
        try await DaemonBench.with(lease: .milliseconds(300)) { bench in
            let polite = try await HandWorker("aaaaaaaa0001", bench)
            _ = try await HandWorker("bbbbbbbb0002", bench)
            let session = await polite.session
            _ = try await bench.call(.goodbye, GoodbyeRequest(session: session))
            let stopped = try await worker(bench, "aaaaaaaa0001")
            #expect(stopped.state == "stopped" && stopped.since != nil)
            #expect(stopped.remedy?.contains("radiata workers forget aaaaaaaa") == true)
            let silent = try await reaches(bench, "bbbbbbbb0002", "silent")
            try await bench.stop()
            try await bench.start()
            let after = try await worker(bench, "bbbbbbbb0002")
            #expect(after.state == "silent" && after.lastSeen <= silent.lastSeen && after.remedy != nil)
            #expect(try await worker(bench, "aaaaaaaa0001").state == "stopped")
            _ = try await bench.call(.forget, ForgetRequest(worker: "bbbbbbbb"))
            #expect(try await bench.call(.workers, Nothing()).items.map(\.id) == ["aaaaaaaa0001"])
            let again = await #expect(throws: ClientError.self) {
                _ = try await bench.call(
                    .exchange, ExchangeRequest(session: session, number: 9, reports: [], freeSlots: 1, waitSeconds: 0))
            }
            #expect(again?.answer?.code == .unknownSession)
        }
    }

    @Test("a connected worker is not forgotten; drained, it says who did it and how to undo it")
    func drained() async throws {
        try await DaemonBench.with { bench in
            _ = try await HandWorker("aaaaaaaa0001", bench)
            let error = await #expect(throws: ClientError.self) {
                _ = try await bench.call(.forget, ForgetRequest(worker: "aaaaaaaa"))
            }
            #expect(error?.answer?.code == .conflict && error?.message.contains("connected") == true)
            _ = try await bench.call(.drain, DrainRequest(worker: "aaaaaaaa"))
            let found = try await worker(bench, "aaaaaaaa0001")
            #expect(found.state == "draining" && found.since != nil)
            #expect(found.remedy == "`radiata drain aaaaaaaa --undo`")
            _ = try await bench.call(.drain, DrainRequest(worker: "aaaaaaaa0001", drain: false))
            #expect(try await worker(bench, "aaaaaaaa0001").state == "connected")
        }
    }

    @Test("a sweep that fails alike is stopped with its reason; status, jobs and show say why its jobs wait; resume")
    func stopped() async throws {
        try await DaemonBench.with { bench in
            try await bench.launch(["1e-4", "2e-4", "3e-4", "4e-4"])
            let before = try await bench.call(.status, SweepRequest(sweep: "t"))
            #expect(before.sweeps.first?.state == "active" && before.jobs?.count == 4)
            #expect(before.jobs?.first?.waitsFor?.contains("no worker is connected") == true)
            let one = try await HandWorker("aaaaaaaa0001", bench)
            // On a busy machine the first job's next try may come before the third job's first.
            var failed: Set<JobID> = []
            while failed.count < 3 {
                let grant = try await one.claim()
                let report = FailureReport(failure: .crash, message: "NameError: foo", exitCode: 1)
                #expect(try await one.report(grant.token, .failed(report)) == .accepted)
                failed.insert(grant.token.job)
            }
            let status = try await bench.call(.status, SweepRequest(sweep: "t"))
            let sweep = try #require(status.sweeps.first)
            #expect(sweep.state == "stopped" && sweep.reason == "3 jobs failed alike: NameError: foo")
            #expect(sweep.remedy?.contains("radiata resume t") == true && sweep.since != nil)
            #expect(status.workers.first?.state == "connected")
            let reasons = Set(status.jobs?.compactMap(\.waitsFor) ?? [])
            #expect(reasons.count == 1 && reasons.first?.contains("sweep t is stopped") == true)
            let jobs = try await bench.call(.jobs, JobsRequest(sweep: "t")).items
            #expect(jobs.allSatisfy { $0.waitsFor != nil })
            let detail = try await bench.call(.job, JobRequest(job: String(jobs[0].id.prefix(8))))
            #expect(detail.job.waitsFor != nil && detail.attempts.first?.workerID == "aaaaaaaa0001")
            #expect(try await one.exchange(free: 1).grants.isEmpty)
            let answer = try await bench.call(.action, ActionRequest(action: .resume, target: "t"))
            #expect(answer.changed == 4)
            #expect(try await bench.call(.status, SweepRequest(sweep: "t")).sweeps.first?.state == "active")
            #expect(try await one.exchange(free: 1, wait: 20).grants.count == 1)
        }
    }

    @Test("the version before is served: a worker of protocol 1 registers, works and is told by its silence")
    func versionOne() async throws {
        try await DaemonBench.with { bench in
            let session = SystemRandom().hexadecimal(bytes: 16)
            func post(_ path: String, _ body: String, version: String = "1") async throws -> RawHTTP.Answer {
                try await bench.raw.request(
                    "POST", path,
                    headers: ["Radiata-Protocol: \(version)", "Content-Type: application/json"], body: body)
            }
            let register = """
                {"worker":"old0old0","name":"old","session":"\(session)","slots":1,"threads":1,"labels":{},"gpus":0,\
                "memory":0,"version":"0.0.9"}
                """
            #expect(try await post("/v1/worker/sessions", register).status == 200)
            let found = try await worker(bench, "old0old0")
            #expect(found.state == "connected" && found.coreVersions == ["1.1"])
            try await bench.launch(["1e-4"])
            let exchange = """
                {"session":"\(session)","number":1,"reports":[],"freeSlots":1,"waitSeconds":0}
                """
            let granted = try await post("/v1/worker/exchange", exchange)
            #expect(granted.status == 200 && granted.body.contains("\"job\":"))
            let beat = try await post("/v1/worker/heartbeat", "{\"session\":\"\(session)\",\"attempts\":[]}")
            #expect(beat.status == 200 && beat.body.contains("verdicts"))
            #expect(try await post("/v1/worker/heartbeat", "{}", version: "3").status == 426)
            #expect(try await post("/v1/worker/heartbeat", "{}", version: "0").status == 426)
        }
    }

    @Test("while somebody watches, workers say more often how far they are, and status shows it")
    func watched() async throws {
        try await DaemonBench.with { bench in
            let one = try await HandWorker("aaaaaaaa0001", bench)
            _ = try await bench.launch(["1e-4"])
            let grant = try await one.claim()
            let extent = ProgressExtent(done: 36, total: 64, unit: "images")
            let progress = AttemptProgress(token: grant.token, step: 120, phase: "drawing", extent: extent)
            let session = await one.session
            func beat() async throws -> HeartbeatResponse {
                try await bench.call(.heartbeat, HeartbeatRequest(session: session, attempts: [progress]))
            }
            #expect(try await beat().watchedSeconds == nil)
            let running = try #require(
                try await bench.call(.status, SweepRequest(sweep: "")).running?.first)
            #expect(running.id == grant.token.job.text && running.attempt == 1)
            #expect(running.worker == "aaaaaaaa0001" && running.workerID == "aaaaaaaa0001")
            #expect(running.phase == "drawing" && running.step == 120 && running.extent == extent)
            #expect(try await beat().watchedSeconds == 1)
        }
    }
}
