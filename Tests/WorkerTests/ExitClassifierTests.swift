import Glibc
import RunSpec
import SweepModel
import SweepWire
import Testing
import Worker
import WorkerCore

@Suite("What a trainer's end means")
struct ExitClassifierTests {
    private func failure(_ end: TrainerEnd) -> FailureClass? {
        if case .failed(let report) = ExitClassifier.end(of: end) { return report.failure }
        return nil
    }

    @Test("exit codes of the core have their meanings")
    func coreCodes() {
        func end(_ code: Int32) -> TrainerEnd {
            TrainerEnd(exit: ProcessExit(code: code), isCore: true, wasAskedToStop: false)
        }
        #expect(ExitClassifier.end(of: end(0)) == .finished)
        #expect(ExitClassifier.end(of: end(75)) == .stopped)
        #expect(failure(end(76)) == .nan)
        #expect(failure(end(2)) == .badConfig)
        #expect(failure(end(1)) == .crash)
    }

    @Test("a loss that is no number decides where nothing else is known; a stop, memory and disk come first")
    func badLoss() {
        func end(code: Int32? = nil, signal: Int32? = nil, tail: String = "", core: Bool = false) -> TrainerEnd {
            let exit = code.map { ProcessExit(code: $0) } ?? ProcessExit(signal: signal ?? 0)
            var end = TrainerEnd(exit: exit, isCore: core, wasAskedToStop: false)
            end.badLoss = "loss is NaN at step 3"
            end.logTail = [tail]
            return end
        }
        #expect(failure(end(code: 0)) == .nan)
        #expect(failure(end(code: 1, tail: "ValueError")) == .nan)
        #expect(failure(end(signal: SIGABRT)) == .nan)
        #expect(failure(end(code: 1, tail: "CUDA out of memory")) == .oom)
        #expect(failure(end(code: 1, tail: "No space left on device")) == .diskFull)
        #expect(failure(end(signal: SIGKILL)) == .killed)
        #expect(failure(end(code: 127)) == .badConfig)
        #expect(failure(end(code: 78)) == .badConfig && failure(end(code: 78, core: true)) == .crash)
        // The core watches its loss itself and says so with its exit code.
        #expect(failure(end(code: 0, core: true)) == nil && failure(end(code: 1, core: true)) == .crash)
        var stopped = end(code: 0)
        stopped.wasAskedToStop = true
        #expect(ExitClassifier.end(of: stopped) == .stopped)
        var empty = end(code: 0)
        empty.hasOutputs = false
        #expect(failure(empty) == .crash)
    }

    @Test("memory kills are counted in the control group, of version 2 or 1, else on the machine")
    func memoryKills() throws {
        func kills(_ files: [String: String]) -> Int? { OutOfMemoryWatch.kills { files[$0] } }
        let events = "low 0\nhigh 3\nmax 12\noom 2\noom_kill 2\noom_group_kill 0\n"
        #expect(
            kills([
                "/proc/self/cgroup": "0::/user.slice/x.scope\n",
                "/sys/fs/cgroup/user.slice/x.scope/memory.events": events,
                "/proc/vmstat": "oom_kill 9\n",
            ]) == 2)
        #expect(kills(["/proc/self/cgroup": "0::/deep\n", "/sys/fs/cgroup/memory.events": events]) == 2)
        #expect(
            kills([
                "/proc/self/cgroup": "3:cpu:/\n2:memory:/job\n0::/\n",
                "/sys/fs/cgroup/memory/job/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n",
            ]) == 5)
        #expect(kills(["/proc/vmstat": "nr_free_pages 7\noom_kill 9\n"]) == 9)
        #expect(kills([:]) == nil)
        #expect(OutOfMemoryWatch.kills() != nil, "this machine counts them somewhere")
    }

    @Test("exit 0 without the outputs is a failure, after a stop it is a stop")
    func missingOutputs() {
        var end = TrainerEnd(exit: ProcessExit(code: 0), isCore: false, wasAskedToStop: false)
        end.hasOutputs = false
        #expect(failure(end) == .crash)
        end.wasAskedToStop = true
        #expect(ExitClassifier.end(of: end) == .stopped)
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
        #expect(ExitClassifier.end(of: end) == .stopped)
    }

    @Test(
        "the log's last words tell memory and disk from other crashes",
        arguments: [
            ("torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", FailureClass.oom),
            ("RuntimeError: Training loss became NaN. This may be due to invalid parameters", FailureClass.nan),
            ("RuntimeError: OOM during training step 3 times in a row, aborting training", FailureClass.oom),
            ("terminate called after throwing an instance of 'std::bad_alloc'", .oom),
            ("OSError: [Errno 28] No space left on device", .diskFull), ("ValueError: bad", .crash),
        ])
    func lastWords(line: String, expected: FailureClass) {
        var end = TrainerEnd(exit: ProcessExit(code: 1), isCore: false, wasAskedToStop: false)
        end.logTail = ["step 12", line]
        #expect(failure(end) == expected)
        if case .failed(let report) = ExitClassifier.end(of: end) { #expect(report.message.contains(line)) }
    }
}
