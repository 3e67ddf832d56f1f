import RunSpec
import SweepModel
import Testing

@Suite("Job states")
struct JobStateTests {
    /// Every legal transition, written out; what is not here is illegal.
    private static let legal: [(JobState, JobEvent, JobState)] = [
        (.waiting, .claim, .running), (.running, .expire, .waiting), (.waiting, .revive, .running),
        (.running, .revive, .running), (.running, .complete, .done), (.waiting, .complete, .done),
        (.running, .retry, .waiting), (.waiting, .retry, .waiting), (.running, .exhaust, .failed),
        (.waiting, .exhaust, .failed), (.running, .park, .parked), (.waiting, .park, .parked),
        (.running, .release, .waiting), (.waiting, .release, .waiting), (.waiting, .pause, .paused),
        (.running, .pause, .running), (.running, .halt, .paused), (.waiting, .halt, .paused),
        (.paused, .unpause, .waiting), (.waiting, .cancel, .canceled), (.running, .cancel, .canceled),
        (.paused, .cancel, .canceled), (.failed, .resume, .waiting), (.parked, .resume, .waiting),
        (.canceled, .resume, .waiting),
    ]

    @Test("every state and event leads where the drawing says, and nowhere else")
    func transitions() {
        for state in JobState.allCases {
            for event in JobEvent.allCases {
                let expected = Self.legal.first { $0.0 == state && $0.1 == event }?.2
                #expect(state.after(event) == expected, "\(state) \(event)")
            }
        }
    }

    @Test("done is final, and nothing else is without a way out")
    func final() {
        for state in JobState.allCases {
            #expect(JobEvent.allCases.contains { state.after($0) != nil } == (state != .done))
        }
        #expect(JobState.states(before: .claim) == [.waiting])
    }
}

@Suite("Failures")
struct FailureTests {
    private let a = WorkerID("a")
    private let b = WorkerID("b")

    private func decide(_ failure: FailureClass, past: [PastFailure] = [], budgets: [FailureClass: Int] = [:])
        -> FailureDecision
    {
        FailureDecision.decide(failure, on: a, past: past, budgets: RetrySpec(budgets: budgets))
    }

    @Test("a crash is tried again later, each time later, until the budget is spent")
    func crash() {
        let once = PastFailure(failure: .crash, worker: a)
        #expect(decide(.crash) == .retry(afterSeconds: 5, elsewhere: true))
        #expect(decide(.crash, past: [once, once]) == .retry(afterSeconds: 20, elsewhere: true))
        #expect(decide(.crash, past: [once, once, once]) == .fail)
        #expect(decide(.crash, budgets: [.crash: 0]) == .fail)
    }

    @Test("failing alike on two workers parks the job; failing differently does not")
    func poison() {
        #expect(decide(.oom, past: [PastFailure(failure: .oom, worker: b)]) == .park)
        #expect(decide(.oom, past: [PastFailure(failure: .crash, worker: b)]).event == .retry)
    }

    @Test("lost and canceled attempts never count, bad configurations never get another try")
    func extremes() {
        let losses = Array(repeating: PastFailure(failure: .lost, worker: b), count: 100)
        #expect(decide(.lost, past: losses) == .retry(afterSeconds: 0, elsewhere: false))
        #expect(decide(.badConfig) == .fail)
        #expect(!FailureClass.badConfig.countsAgainstWorker && !FailureClass.nan.countsAgainstWorker)
        #expect(FailureClass.oom.countsAgainstWorker && !FailureClass.lost.countsAgainstWorker)
    }

    @Test("waiting has an upper bound")
    func backoff() {
        #expect(FailureClass.crash.policy.backoff(afterFailures: 1000) == 300)
    }
}
