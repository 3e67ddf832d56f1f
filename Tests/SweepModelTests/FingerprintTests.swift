import RunSpec
import SweepModel
import Testing

@Suite("What failures have in common")
struct FingerprintTests {
    private func print(_ message: String, _ failure: FailureClass = .crash, _ code: Int? = 1) -> String? {
        FailureFingerprint(failure, exitCode: code, message: message)?.text
    }

    @Test("the last line counts, without its numbers and paths")
    func masked() throws {
        #expect(print("a\nValueError: lr=0.5 at step 12") == print("b\n\nValueError: lr=0.25 at step 7\n"))
        #expect(print("cannot open /tmp/a1/x.py: no such file") == print("cannot open /home/u/other: no such file"))
        #expect(print("job 3f9ac01b failed at 0x7ffe12") == print("job 77aa0042 failed at 0x1234"))
        #expect(print("lr 1e-4 is too large") == print("lr 0.001 is too large"))
        #expect(print("lr 1e-4 is too large") == print("lr 3 is too large"))
        #expect(print("KeyError: 'lr'") != print("KeyError: 'dim'"))
        #expect(print("x") != print("x", .crash, 2) && print("x") != print("x", .badConfig))
        #expect(FailureFingerprint(.crash, exitCode: 1, message: "a\n  NameError:  foo \n")?.line == "NameError: foo")
        #expect(try #require(FailureFingerprint(.crash, exitCode: nil, message: "")).line == "")
    }

    @Test("only crash and bad-config tell about other jobs")
    func classes() {
        for failure in FailureClass.allCases {
            #expect((print("x", failure) != nil) == (failure == .crash || failure == .badConfig), "\(failure)")
        }
    }

    @Test("what a worker lacks is told with what it has instead")
    func lacks() {
        let offer = WorkerOffer(labels: ["gpu": "t4"], memory: 8_000_000_000, coreVersions: ["1.1"])
        let needs = RequirementSpec(
            labels: ["gpu": "a100", "site": "x"], gpus: 2, memoryBytes: 16_000_000_000, coreVersion: "2.1")
        #expect(!offer.meets(needs))
        #expect(
            offer.missing(needs) == [
                .init(need: "label gpu=a100", has: "gpu=t4"), .init(need: "label site=x", has: "labels gpu=t4"),
                .init(need: "2 GPUs", has: "none"), .init(need: "16.0 GB of memory", has: "8.0 GB"),
                .init(need: "core version 2.1", has: "core version 1.1"),
            ])
        #expect(offer.meets(RequirementSpec(labels: ["gpu": "t4"], memoryBytes: 1, coreVersion: "1.1")))
        #expect(offer.missing(RequirementSpec()).isEmpty)
    }

    @Test("a full disk uses a job up only where the sweep wants it so")
    func diskFull() {
        let past = [PastFailure(failure: .diskFull, worker: WorkerID("a"))]
        let once = RetrySpec(budgets: [.diskFull: 1])
        func decide(_ past: [PastFailure], _ budgets: RetrySpec) -> FailureDecision {
            FailureDecision.decide(.diskFull, on: WorkerID("b"), past: past, budgets: budgets)
        }
        #expect(decide([], once) == .retry(afterSeconds: 10, elsewhere: true))
        #expect(decide(past, once) == .fail)
        #expect(decide([], RetrySpec(budgets: [.diskFull: 0])) == .fail)
        #expect(decide(past + past + past, RetrySpec()).event == .retry)
    }
}
