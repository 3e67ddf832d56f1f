import Ports
import RunSpec
import SweepLedger
import SweepModel
import Testing

@Suite("Whose fault a failure is")
struct BlameTests {
    private func crash(_ message: String = "NameError: foo", code: Int? = 1) -> Report.Body {
        .failed(.crash, message: message, exitCode: code)
    }

    /// Claims a job and fails it.
    private func fail(
        _ bench: LedgerBench, _ worker: String, _ row: Int64, _ body: Report.Body
    ) async throws -> ExchangeOutcome {
        let claim = try await bench.claim(worker, row)
        return try await bench.exchange(worker, [Report(token: claim.token, body)])
    }

    private func act(_ bench: LedgerBench, _ action: JobAction, _ target: String) async throws
        -> ChangeJobs.Outcome
    {
        try await bench.ledger.writer.perform(
            ChangeJobs(action: action, target: target, failure: nil, ledgerID: bench.ledger.id, now: bench.now))
    }

    private func stops(_ bench: LedgerBench) throws -> [[QueryValue]] {
        try bench.query("SELECT s.name, p.reason FROM sweep_stop p JOIN sweep s ON s.id = p.sweep")
    }

    @Test("three jobs that fail alike stop their sweep, other jobs wait held, the worker goes on with other sweeps")
    func stopped() async throws {
        let bench = try LedgerBench()
        let rows = try await bench.launch(["a", "b", "c", "d", "e"]).changes.map(\.row)
        let other = try await bench.launch(["x"], sweep: "other").changes.map(\.row)
        _ = try await bench.register("one")
        _ = try await fail(bench, "one", rows[0], crash("in /tmp/1 line 3\nNameError: foo 12"))
        _ = try await fail(bench, "one", rows[1], crash("NameError: foo 7"))
        #expect(try stops(bench).isEmpty)
        let third = try await fail(bench, "one", rows[2], crash("NameError: foo 99"))
        #expect(try stops(bench) == [[.text("bench"), .text("3 jobs failed alike: NameError: foo 99")]])
        #expect(third.workers.isEmpty)
        #expect(Set(third.changes.filter(\.isHeld).map(\.row)) == Set(rows))
        // Nobody gets its jobs, the worker gets another's.
        #expect(try await bench.exchange("one", claim: [rows[3]]).claims.isEmpty)
        #expect(try await bench.exchange("one", claim: other).claims.count == 1)
        #expect(try await bench.ledger.snapshot(at: bench.now).waiting.isEmpty)
        #expect(try await bench.ledger.check().findings == [])
    }

    @Test("resume makes it active with fresh budgets; still broken it stops again after three more")
    func resumed() async throws {
        let bench = try LedgerBench()
        let rows = try await bench.launch(["a", "b", "c", "d"]).changes.map(\.row)
        _ = try await bench.register("one")
        _ = try await fail(bench, "one", rows[3], .failed(.badConfig, message: "no such option", exitCode: 2))
        for row in rows[0..<3] { _ = try await fail(bench, "one", row, crash()) }
        #expect(try stops(bench).count == 1)
        let alone = try await act(bench, .resume, String(JobID(.of("d")).text.prefix(8)))
        #expect(alone.changes.map(\.isHeld) == [true] && alone.notice?.contains("radiata resume bench") == true)
        let resumed = try await act(bench, .resume, "bench")
        #expect(try stops(bench).isEmpty)
        #expect(Set(resumed.changes.map(\.row)) == Set(rows) && resumed.untouched == 0)
        #expect(resumed.changes.allSatisfy { !$0.isHeld && $0.state == .waiting && $0.delaySeconds == 0 })
        #expect(try bench.query("SELECT DISTINCT failure FROM jobs") == [[.null]])
        for row in rows[0..<2] { _ = try await fail(bench, "one", row, crash()) }
        #expect(try stops(bench).isEmpty)
        _ = try await fail(bench, "one", rows[2], crash())
        #expect(try stops(bench).count == 1)
    }

    @Test(
        "a point, a checkpoint or a done job of the sweep clears it for good; other classes and other lines never stop it"
    )
    func notStopped() async throws {
        for progress in ["point", "checkpoint", "done"] {
            let bench = try LedgerBench()
            let rows = try await bench.launch(["a", "b", "c", "d"]).changes.map(\.row)
            _ = try await bench.register("one")
            let claim = try await bench.claim("one", rows[3])
            switch progress {
            case "point": _ = try await bench.metrics(claim.token, first: 1, [1], [0.5])
            case "checkpoint": _ = try await bench.report("one", claim.token, try await bench.checkpoint(step: 1))
            default: _ = try await bench.report("one", claim.token, .finished(position: 0))
            }
            for row in rows[0..<3] { _ = try await fail(bench, "one", row, crash()) }
            #expect(try stops(bench).isEmpty, "\(progress)")
        }
        for failure in [FailureClass.oom, .nan, .killed, .timeout, .diskFull] {
            let bench = try LedgerBench()
            let rows = try await bench.launch(["a", "b", "c"]).changes.map(\.row)
            _ = try await bench.register("one")
            for row in rows { _ = try await fail(bench, "one", row, .failed(failure, message: "x", exitCode: 1)) }
            #expect(try stops(bench).isEmpty, "\(failure)")
        }
        let bench = try LedgerBench()
        let rows = try await bench.launch(["a", "b", "c"]).changes.map(\.row)
        _ = try await bench.register("one")
        for (row, line) in zip(rows, ["KeyError: a", "KeyError: b", "KeyError: c"]) {
            _ = try await fail(bench, "one", row, crash(line))
        }
        #expect(try stops(bench).isEmpty)
    }

    @Test("another sweep's failures never stop one; a shared job of a stopped sweep goes on for the other")
    func shared() async throws {
        let bench = try LedgerBench()
        let rows = try await bench.launch(["a", "b", "c"]).changes.map(\.row)
        let other = try await bench.launch(["c", "x", "y", "z"], sweep: "other").changes.map(\.row)
        _ = try await bench.register("one")
        for row in [rows[0], rows[1]] { _ = try await fail(bench, "one", row, crash()) }
        // One more of the other sweep, alike: neither has three.
        _ = try await fail(bench, "one", try #require(other.last), crash())
        #expect(try stops(bench).isEmpty)
        let third = try await fail(bench, "one", rows[2], crash())
        #expect(try stops(bench).map(\.first) == [.text("bench")])
        #expect(third.changes.filter { $0.row == rows[2] }.allSatisfy { !$0.isHeld })
        #expect(try await bench.exchange("one", claim: [rows[2]]).claims.count == 1)
        #expect(try await bench.exchange("one", claim: [rows[0]]).claims.isEmpty)
    }

    @Test("a sweep of one or two jobs is stopped when they fail alike three times, or for good")
    func small() async throws {
        let bench = try LedgerBench()
        let row = try #require(try await bench.launch(["a"]).changes.first?.row)
        _ = try await bench.register("one")
        for _ in 0..<2 { _ = try await fail(bench, "one", row, crash()) }
        #expect(try stops(bench).isEmpty)
        _ = try await fail(bench, "one", row, crash())
        #expect(try stops(bench) == [[.text("bench"), .text("its only job failed alike: NameError: foo")]])
        let two = try await bench.launch(["x", "y"], sweep: "two").changes.map(\.row)
        for row in two {
            _ = try await fail(bench, "one", row, .failed(.badConfig, message: "no option --lr", exitCode: 2))
        }
        #expect(try stops(bench).last == [.text("two"), .text("2 jobs failed alike: no option --lr")])
        #expect(try bench.state("x") == .text("failed"))
    }

    @Test("failures of one machine wait for a second one's word, where there is one that could try")
    func oneMachine() async throws {
        let bench = try LedgerBench()
        let rows = try await bench.launch(["a", "b", "c", "d", "e"]).changes.map(\.row)
        _ = try await bench.register("one")
        _ = try await bench.register("two")
        for row in rows[0..<3] { _ = try await fail(bench, "one", row, crash()) }
        #expect(try stops(bench).isEmpty)
        _ = try await fail(bench, "two", rows[3], crash())
        #expect(try stops(bench).count == 1)
    }

    @Test("launched anew, mended: jobs of the new file wait, those that it does not hold any more are put aside")
    func relaunched() async throws {
        let bench = try LedgerBench()
        let rows = try await bench.launch(["a", "b", "c", "d"]).changes.map(\.row)
        _ = try await bench.register("one")
        for row in rows[0..<3] { _ = try await fail(bench, "one", row, crash()) }
        let again = try await bench.launch(["a", "new"])
        #expect(try stops(bench).isEmpty && again.added == 1)
        #expect(try bench.state("a") == .text("waiting") && bench.state("new") == .text("waiting"))
        for name in ["b", "c", "d"] { #expect(try bench.state(name) == .text("canceled"), "\(name)") }
        #expect(Set(again.changes.filter { !$0.isHeld }.map(\.job)) == [JobID(.of("a")), JobID(.of("new"))])
        #expect(try await bench.exchange("one", claim: [rows[0]]).claims.count == 1)
        #expect(try await bench.ledger.check().findings == [])
    }
}

@Suite("Suspended workers")
struct SuspicionTests {
    private func run(
        _ bench: LedgerBench, _ worker: String, _ row: Int64, _ body: Report.Body
    ) async throws -> [WorkerChange] {
        let claim = try await bench.claim(worker, row)
        return try await bench.exchange(worker, [Report(token: claim.token, body)]).workers
    }

    private static let crash = Report.Body.failed(.crash, message: "CUDA error", exitCode: 1)
    private static let done = Report.Body.finished(position: 0)

    @Test("a worker is suspended for what succeeds elsewhere, gets one trial job at a time, and a success lifts it")
    func trial() async throws {
        let bench = try LedgerBench()
        let rows = try await bench.launch((0..<8).map { "job \($0)" }).changes.map(\.row)
        _ = try await bench.register("bad")
        _ = try await bench.register("good")
        #expect(try await run(bench, "good", rows[7], Self.done).isEmpty)
        for row in rows[0..<2] { #expect(try await run(bench, "bad", row, Self.crash).isEmpty) }
        #expect(try await run(bench, "good", rows[0], Self.done).isEmpty)
        #expect(
            try await run(bench, "good", rows[1], Self.done) == [.suspended(WorkerID("bad"), pauseSeconds: 60)])
        let rowOf = try bench.query("SELECT worker, reason FROM worker_suspension")
        #expect(
            rowOf == [[.text("bad"), .text("2 jobs failed on it that succeeded elsewhere (crash: CUDA error)")]])
        // One at a time, whatever the core thinks.
        let both = try await bench.exchange("bad", claim: [rows[2], rows[3]])
        #expect(both.claims.isEmpty && both.leftCandidates)
        let trial = try await bench.claim("bad", rows[2])
        #expect(try await bench.exchange("bad", claim: [rows[3]]).claims.isEmpty)
        #expect(
            try await bench.exchange("bad", [Report(token: trial.token, Self.crash)]).workers
                == [.suspended(WorkerID("bad"), pauseSeconds: 300)])
        for _ in 0..<2 {
            #expect(
                try await run(bench, "bad", rows[3], Self.crash)
                    == [.suspended(WorkerID("bad"), pauseSeconds: 1500)])
        }
        #expect(try await run(bench, "bad", rows[4], Self.done) == [.lifted(WorkerID("bad"))])
        #expect(try bench.query("SELECT count(*) FROM worker_suspension") == [[.integer(0)]])
        #expect(try await bench.exchange("bad", claim: [rows[5], rows[6]]).claims.count == 2)
    }

    @Test("bad-config, nan and what fails everywhere suspend nobody")
    func notSuspected() async throws {
        for failure in [FailureClass.badConfig, .nan] {
            let bench = try LedgerBench()
            let rows = try await bench.launch((0..<5).map { "job \($0)" }).changes.map(\.row)
            _ = try await bench.register("one")
            _ = try await bench.register("two")
            _ = try await run(bench, "two", rows[4], Self.done)
            for row in rows[0..<4] {
                #expect(try await run(bench, "one", row, .failed(failure, message: "x", exitCode: 1)).isEmpty)
            }
            guard failure == .nan else { continue }
            for row in rows[0..<4] { #expect(try await run(bench, "two", row, Self.done).isEmpty) }
        }
        let bench = try LedgerBench()
        let rows = try await bench.launch((0..<5).map { "job \($0)" }).changes.map(\.row)
        _ = try await bench.register("one")
        for row in rows { #expect(try await run(bench, "one", row, .failed(.oom, message: "x", exitCode: 1)).isEmpty) }
        #expect(try bench.query("SELECT count(*) FROM worker_suspension") == [[.integer(0)]])
    }

    @Test("failures of different sweeps while others succeed at them; a user lifts it, and drain shows since when")
    func differentSweeps() async throws {
        let bench = try LedgerBench()
        let first = try await bench.launch(["a", "b"]).changes.map(\.row)
        let second = try await bench.launch(["x", "y"], sweep: "other").changes.map(\.row)
        _ = try await bench.register("bad")
        _ = try await bench.register("good")
        #expect(try await run(bench, "bad", first[0], Self.crash).isEmpty)
        #expect(try await run(bench, "good", first[1], Self.done).isEmpty)
        #expect(try await run(bench, "good", second[1], Self.done).isEmpty)
        #expect(
            try await run(bench, "bad", second[0], Self.crash) == [.suspended(WorkerID("bad"), pauseSeconds: 60)])
        let snapshot = try await bench.ledger.snapshot(at: bench.now)
        let bad = try #require(snapshot.workers.first { $0.record.worker == WorkerID("bad") })
        #expect(bad.trialInSeconds == 60)
        // A wall clock that was set back makes no pause longer.
        let past = try await bench.ledger.snapshot(at: WallTime(milliseconds: bench.now.milliseconds - 3_600_000))
        #expect(past.workers.first { $0.record.worker == WorkerID("bad") }?.trialInSeconds == 60)
        _ = try await bench.ledger.writer.perform(SetWorkerState(worker: "bad", drain: false, now: bench.now))
        #expect(try await bench.ledger.workers().allSatisfy { $0.suspension == nil })
        _ = try await bench.ledger.writer.perform(SetWorkerState(worker: "bad", drain: true, now: bench.now))
        #expect(try await bench.ledger.workers().first?.drainedAt == bench.now.milliseconds)
    }
}

@Suite("Workers that come and go")
struct WorkerRecordTests {
    @Test("forgotten only when it is not connected and holds nothing; its name stays in the history")
    func forget() async throws {
        let bench = try LedgerBench()
        let row = try #require(try await bench.launch(["a"]).changes.first?.row)
        _ = try await bench.register("0123456789abcdef")
        let claim = try await bench.claim("0123456789abcdef", row)
        func forget(_ connected: Set<WorkerID> = []) async throws {
            _ = try await bench.ledger.writer.perform(
                ForgetWorker(worker: "01234567", connected: connected, now: bench.now))
        }
        var error = await #expect(throws: LedgerError.self) { try await forget([WorkerID("0123456789abcdef")]) }
        #expect(error?.code == .conflict && error?.message.contains("connected") == true)
        error = await #expect(throws: LedgerError.self) { try await forget() }
        #expect(error?.code == .conflict && error?.message.contains("holds jobs") == true)
        _ = try await bench.report("0123456789abcdef", claim.token, .finished(position: 0))
        try await forget()
        #expect(try await bench.ledger.workers().isEmpty)
        #expect(try await bench.ledger.job(JobID(.of("a")).text).detail.attempts.map(\.worker) == ["0123456789abcdef"])
        error = await #expect(throws: LedgerError.self) { try await forget() }
        #expect(error?.code == .notFound)
        _ = try await bench.register("0123456789abcdef")
        #expect(try await bench.ledger.workers().count == 1)
    }

    @Test("workers of one name are told apart by eight digits; an ambiguous name lists them")
    func ambiguous() async throws {
        let bench = try LedgerBench()
        for id in ["aaaaaaaa11111111", "aaaaaaaa22222222", "bbbbbbbb33333333"] {
            _ = try await bench.ledger.writer.perform(
                RegisterWorker(
                    worker: WorkerRecord(
                        worker: WorkerID(id), name: "node", session: SessionID(rawValue: id), slots: 1, threads: 1,
                        coreVersions: ["1.1", "2.1"]), ledgerID: bench.ledger.id,
                    now: bench.now))
        }
        func drain(_ worker: String) async throws -> WorkerID {
            try await bench.ledger.writer.perform(SetWorkerState(worker: worker, drain: true, now: bench.now))
        }
        #expect(try await drain("bbbbbbbb") == WorkerID("bbbbbbbb33333333"))
        var error = await #expect(throws: LedgerError.self) { try await drain("node") }
        #expect(error?.code == .ambiguous && error?.message.contains("bbbbbbbb") == true)
        error = await #expect(throws: LedgerError.self) { try await drain("aaaaaaaa") }
        #expect(error?.code == .ambiguous && error?.message.contains("aaaaaaaa1111") == true)
        error = await #expect(throws: LedgerError.self) { try await drain("aaaaaaa") }
        #expect(error?.code == .notFound)
        #expect(
            try await bench.ledger.workers().map(\.worker.coreVersions) == Array(repeating: ["1.1", "2.1"], count: 3))
    }

    @Test("a worker's GPUs are known one by one, after a restart too, as its newest process named them")
    func gpus() async throws {
        let bench = try LedgerBench()
        func register(_ devices: [GPUDevice]?, share: Int? = nil) async throws {
            _ = try await bench.ledger.writer.perform(
                RegisterWorker(
                    worker: WorkerRecord(
                        worker: WorkerID("w"), name: "node", session: SessionID(rawValue: "s"), slots: 2, threads: 1,
                        gpus: devices?.count ?? 3, gpuDevices: devices, gpuShare: share), ledgerID: bench.ledger.id,
                    now: bench.now))
        }
        func known() async throws -> WorkerRecord {
            try #require(try await bench.ledger.snapshot(at: bench.now).workers.first).record
        }
        let two = [0, 1].map { GPUDevice(index: "\($0)", uuid: "GPU-\($0)", name: "RTX", memory: UInt64.max >> 1) }
        try await register(two, share: 2)
        var record = try await known()
        #expect(record.gpuDevices == two && record.gpuShare == 2 && record.gpus == 2)
        #expect(try await bench.ledger.workers().map(\.worker.gpuDevices) == [two])
        try await register([two[1]])
        record = try await known()
        #expect(record.gpuDevices == [two[1]] && record.offer.gpuShare == 1)
        // A program of the time before knows their number.
        try await register(nil)
        record = try await known()
        #expect(record.gpuDevices == nil && record.offer.devices.count == 3)
    }

    @Test("a polite stop is remembered until it registers again; workers silent for a week are forgotten by themselves")
    func goodbye() async throws {
        let bench = try LedgerBench()
        _ = try await bench.register("one")
        _ = try await bench.register("two")
        // An older session's goodbye says nothing.
        try await bench.ledger.writer.perform(
            SayGoodbye(worker: WorkerID("one"), session: SessionID(rawValue: "older"), now: bench.now))
        #expect(try await bench.ledger.workers().allSatisfy { $0.saidGoodbye == nil })
        try await bench.ledger.writer.perform(
            SayGoodbye(worker: WorkerID("one"), session: SessionID(rawValue: "ones"), now: bench.now))
        #expect(try await bench.ledger.workers().map(\.saidGoodbye) == [bench.now.milliseconds, nil])
        #expect(try await bench.ledger.snapshot(at: bench.now).workers.map(\.hasLeft).contains(true))
        _ = try await bench.register("one", session: "new")
        #expect(try await bench.ledger.workers().allSatisfy { $0.saidGoodbye == nil })
        let week: Int64 = 7 * 86_400_000
        func sweepUp(_ later: Int64, _ connected: Set<WorkerID> = []) async throws -> [WorkerID] {
            let now = WallTime(milliseconds: bench.now.milliseconds + later)
            return try await bench.ledger.writer.perform(ForgetDeadWorkers(connected: connected, now: now))
        }
        #expect(try await sweepUp(week).isEmpty)
        #expect(try await sweepUp(week + 1, [WorkerID("one")]) == [WorkerID("two")])
        #expect(try await bench.ledger.workers().map(\.worker.id) == ["one"])
    }

    @Test("retries: {disk-full: N} fails the job after N more tries; without it there is no end")
    func diskFull() async throws {
        for budget in [0, 2, nil] as [Int?] {
            let bench = try LedgerBench()
            let retries = RetrySpec(budgets: budget.map { [.diskFull: $0] } ?? [:])
            let row = try #require(try await bench.launch(["a"], retries: retries).changes.first?.row)
            _ = try await bench.register("one")
            let full = Report.Body.failed(.diskFull, message: "full", exitCode: 1)
            for _ in 0..<(budget ?? 7) {
                _ = try await bench.report("one", try await bench.claim("one", row).token, full)
                #expect(try bench.state("a") == .text("waiting"))
            }
            _ = try await bench.report("one", try await bench.claim("one", row).token, full)
            #expect(try bench.state("a") == .text(budget == nil ? "waiting" : "failed"))
        }
    }
}
