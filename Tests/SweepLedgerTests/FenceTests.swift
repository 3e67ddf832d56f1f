import Ports
import RunSpec
import SweepLedger
import SweepModel
import Testing

@Suite("Lease and fence")
struct FenceTests {
    @Test("a claim after expiry supersedes: the zombie's result is refused and quarantined, one result stands")
    func zombie() async throws {
        let bench = try LedgerBench()
        let row = try #require(try await bench.launch(["a"]).changes.first?.row)
        _ = try await bench.register("one")
        _ = try await bench.register("two")
        let first = try await bench.claim("one", row)
        #expect(first.token.attempt == AttemptNumber(1))
        #expect(try await bench.expire(first.token).map(\.state) == [.waiting])
        let second = try await bench.claim("two", row)
        #expect(second.token.attempt == AttemptNumber(2))

        #expect(try await bench.report("one", first.token, .finished(position: 0)) == .superseded)
        #expect(try await bench.metrics(first.token, first: 1, [1], [0.5]) == .superseded)
        #expect(try await bench.report("two", second.token, .finished(position: 0)) == .accepted)
        #expect(try await bench.report("one", first.token, .finished(position: 0)) == .superseded)

        #expect(try bench.state("a") == .text("done"))
        #expect(try bench.query("SELECT attempt, kind FROM quarantine") == [[.integer(1), .text("finished")]])
        #expect(try bench.query("SELECT count(*) FROM attempt WHERE outcome = 'done'") == [[.integer(1)]])
        #expect(try await bench.ledger.check().findings == [])
    }

    @Test("an expired attempt that is heard from before anybody claims runs on under its number")
    func revival() async throws {
        let bench = try LedgerBench()
        let row = try #require(try await bench.launch(["a"]).changes.first?.row)
        _ = try await bench.register("one")
        let claim = try await bench.claim("one", row)
        _ = try await bench.expire(claim.token)
        #expect(try bench.state("a") == .text("waiting"))
        let outcome = try await bench.ledger.writer.perform(ReviveAttempts(tokens: [claim.token], now: bench.now))
        #expect(outcome.revived == [claim.token])
        #expect(try bench.state("a") == .text("running"))
        #expect(try await bench.report("one", claim.token, .finished(position: 0)) == .accepted)
    }

    @Test("a finished attempt may say so again; another attempt's number, epoch or ledger may not")
    func replaysAndForgeries() async throws {
        let bench = try LedgerBench()
        let row = try #require(try await bench.launch(["a"]).changes.first?.row)
        _ = try await bench.register("one")
        let token = try await bench.claim("one", row).token
        for forged in [
            AttemptToken(ledger: "other", epoch: token.epoch, job: token.job, attempt: token.attempt),
            AttemptToken(ledger: token.ledger, epoch: token.epoch + 1, job: token.job, attempt: token.attempt),
            AttemptToken(ledger: token.ledger, epoch: token.epoch, job: token.job, attempt: token.attempt.next),
            AttemptToken(ledger: token.ledger, epoch: token.epoch, job: JobID(.of("none")), attempt: token.attempt),
        ] {
            #expect(try await bench.report("one", forged, .finished(position: 0)) == .superseded)
        }
        for _ in 0..<3 { #expect(try await bench.report("one", token, .finished(position: 0)) == .accepted) }
        #expect(try bench.query("SELECT count(*) FROM event WHERE kind = 'done'") == [[.integer(1)]])
    }

    @Test("points that are known here stay counted once, whatever the worker's spool has lost of them since")
    func lostAfterwards() async throws {
        let bench = try LedgerBench()
        let row = try #require(try await bench.launch(["a"]).changes.first?.row)
        _ = try await bench.register("one")
        let token = try await bench.claim("one", row).token
        #expect(try await bench.metrics(token, first: 1, [1, 2, 3], [0.5, 0.4, 0.3]) == .stored(next: 4))
        // From the first number again: two that were stored before are gone, one that was not is too.
        let again = AppendMetrics(
            token: token, first: 1,
            series: [
                .init(key: "spool.lost", steps: [1, 2, 4], values: [.nan, .nan, .nan]),
                .init(key: "loss", steps: [3, 5], values: [0.3, 0.1]),
            ], ledgerID: bench.ledger.id)
        #expect(try await bench.ledger.writer.perform(again) == .stored(next: 6))
        let rows = try bench.query("SELECT k.name, m.step FROM metric m JOIN metric_key k ON k.id = m.key ORDER BY 2")
        #expect(rows.map { $0[1] } == [1, 2, 3, 4, 5].map { .integer($0) })
        #expect(rows[3][0] == .text("spool.lost"))
        #expect(try bench.query("SELECT points FROM attempt") == [[.integer(5)]])
        #expect(try await bench.ledger.check().findings == [])
    }

    @Test("an exchange sent again gives the same jobs again and claims nothing more")
    func exchangeReplay() async throws {
        let bench = try LedgerBench()
        let rows = try await bench.launch(["a", "b"]).changes.map(\.row)
        _ = try await bench.register("one")
        let first = try await bench.exchange("one", claim: [rows[0]], number: 100)
        try bench.reopen()
        let again = try await bench.exchange("one", claim: [rows[1]], number: 100)
        #expect(again.claims == first.claims && again.leftCandidates)
        #expect(try bench.state("b") == .text("waiting"))
    }

    @Test("after a report that was not accepted, later ones of the same attempt are not tried")
    func order() async throws {
        let bench = try LedgerBench()
        let rows = try await bench.launch(["a", "b"]).changes.map(\.row)
        _ = try await bench.register("one")
        let a = try await bench.claim("one", rows[0]).token
        let b = try await bench.claim("one", rows[1]).token
        let outcome = try await bench.exchange(
            "one",
            [
                Report(token: a, .finished(position: 5)), Report(token: a, .finished(position: 0)),
                Report(token: b, .finished(position: 0)),
            ])
        #expect(outcome.outcomes == [.gap(expected: 1), .notTried, .accepted])
    }

    @Test("failures: retry elsewhere after a delay, poison is parked, bad configurations fail at once")
    func failures() async throws {
        let bench = try LedgerBench()
        let rows = try await bench.launch(["a", "b"]).changes.map(\.row)
        _ = try await bench.register("one")
        _ = try await bench.register("two")
        let first = try await bench.claim("one", rows[0])
        let outcome = try await bench.exchange(
            "one", [Report(token: first.token, .failed(.crash, message: "boom", exitCode: 1))])
        let change = try #require(outcome.changes.first)
        #expect(change.state == .waiting && change.avoid == WorkerID("one") && change.delaySeconds > 0)
        let second = try await bench.claim("two", rows[0])
        #expect(try await bench.report("two", second.token, .failed(.crash, message: "boom", exitCode: 1)) == .accepted)
        #expect(try bench.state("a") == .text("parked"))

        let other = try await bench.claim("one", rows[1])
        #expect(
            try await bench.report("one", other.token, .failed(.badConfig, message: "no", exitCode: 2)) == .accepted)
        #expect(try bench.state("b") == .text("failed"))
        let resumed = try await bench.ledger.writer.perform(
            ChangeJobs(action: .resume, target: "bench", failure: .crash, ledgerID: bench.ledger.id, now: bench.now))
        #expect(resumed.changes.map(\.row) == [rows[0]])
        #expect(try await bench.ledger.check().findings == [])
    }

    @Test("pause, unpause and cancel: a running job stops at its state, a shared job stays for the other sweep")
    func userActions() async throws {
        let bench = try LedgerBench()
        let rows = try await bench.launch(["a", "b"]).changes.map(\.row)
        try await bench.launch(["b"], sweep: "other")
        _ = try await bench.register("one")
        let claim = try await bench.claim("one", rows[0])
        func act(_ action: JobAction) async throws -> ChangeJobs.Outcome {
            try await bench.ledger.writer.perform(
                ChangeJobs(action: action, target: "bench", failure: nil, ledgerID: bench.ledger.id, now: bench.now))
        }
        let paused = try await act(.pause)
        #expect(paused.stopping == [claim.token] && paused.untouched == 1)
        #expect(try bench.state("a") == .text("running"))
        #expect(try await bench.report("one", claim.token, .released(ReleaseReport(reason: .pause))) == .accepted)
        #expect(try bench.state("a") == .text("paused"))
        #expect(try await act(.unpause).changes.map(\.state) == [.waiting])
        let again = try await bench.claim("one", rows[0])
        let canceled = try await act(.cancel)
        #expect(canceled.changes.map(\.ended) == [again.token])
        #expect(try await bench.report("one", again.token, .finished(position: 0)) == .superseded)
        #expect(try bench.state("a") == .text("canceled"))
        #expect(try await bench.ledger.check().findings == [])
    }
}
