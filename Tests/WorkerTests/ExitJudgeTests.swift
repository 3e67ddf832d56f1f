import Glibc
import RunSpec
import SweepWire
import Testing
import Worker
import WorkerCore

@Suite("What a trainer's end means")
struct ExitJudgeTests {
    private func failure(_ end: TrainerEnd) -> FailureClass? {
        if case .failed(let report) = ExitJudge.judge(end) { return report.failure }
        return nil
    }

    @Test("exit codes of the core have their meanings")
    func coreCodes() {
        func end(_ code: Int32) -> TrainerEnd {
            TrainerEnd(exit: ProcessExit(code: code), isCore: true, wasAskedToStop: false)
        }
        #expect(ExitJudge.judge(end(0)) == .finished)
        #expect(ExitJudge.judge(end(75)) == .stopped)
        #expect(failure(end(76)) == .nan)
        #expect(failure(end(2)) == .badConfig)
        #expect(failure(end(1)) == .crash)
    }

    @Test("exit 0 without the outputs is a failure, after a stop it is a stop")
    func missingOutputs() {
        var end = TrainerEnd(exit: ProcessExit(code: 0), isCore: false, wasAskedToStop: false)
        end.hasOutputs = false
        #expect(failure(end) == .crash)
        end.wasAskedToStop = true
        #expect(ExitJudge.judge(end) == .stopped)
    }

    @Test(
        "a signal is a kill, a memory kill or a crash",
        arguments: [
            (SIGKILL, false, FailureClass.killed), (SIGKILL, true, .oom), (SIGTERM, false, .killed),
            (SIGSEGV, false, .crash),
            (SIGABRT, false, .crash),
        ])
    func signals(signal: Int32, sawMemoryKill: Bool, expected: FailureClass) {
        var end = TrainerEnd(exit: ProcessExit(signal: signal), isCore: false, wasAskedToStop: false)
        end.sawOutOfMemoryKill = sawMemoryKill
        #expect(failure(end) == expected)
        end.wasAskedToStop = true
        #expect(ExitJudge.judge(end) == .stopped)
    }

    @Test(
        "the log's last words tell memory and disk from other crashes",
        arguments: [
            ("torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", FailureClass.oom),
            ("terminate called after throwing an instance of 'std::bad_alloc'", .oom),
            ("OSError: [Errno 28] No space left on device", .diskFull), ("ValueError: bad", .crash),
        ])
    func lastWords(line: String, expected: FailureClass) {
        var end = TrainerEnd(exit: ProcessExit(code: 1), isCore: false, wasAskedToStop: false)
        end.logTail = ["step 12", line]
        #expect(failure(end) == expected)
        if case .failed(let report) = ExitJudge.judge(end) { #expect(report.message.contains(line)) }
    }
}
