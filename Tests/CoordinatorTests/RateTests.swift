import Foundation
import Ports
import SweepModel
import SweepWire
import Testing

/// Measurements, run on demand: `RADIATA_MEASURE=1 … --filter RateTests`.
@Suite("Rates", .enabled(if: ProcessInfo.processInfo.environment["RADIATA_MEASURE"] == "1"))
struct RateTests {
    /// Counting its calls of `fdatasync` (`strace -f -c -e fdatasync`) shows that every answer waited for a
    /// sync.
    @Test("one hundred calls one after the other")
    func sequential() async throws {
        try await DaemonBench.with { bench in
            let one = try await HandWorker("one", bench)
            for _ in 0..<100 { _ = try await one.register() }
        }
    }

    @Test("claim and finish as fast as it goes", arguments: [1, 16])
    func cycles(workers: Int) async throws {
        try await DaemonBench.with { bench in
            let jobs = 2000
            try await bench.launch((0..<jobs).map { "\($0 + 1)e-9" })
            let clock = SuspendingClock()
            let started = clock.now
            let done = try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<workers {
                    group.addTask {
                        let worker = try await HandWorker("w\(index)", bench)
                        var done = 0
                        var held: [AttemptToken] = []
                        while true {
                            let reports = held.map { Report(token: $0, .finished(FinishReport(streamPosition: 0))) }
                            let answer = try await worker.exchange(reports, free: 1)
                            done += answer.outcomes.count { $0 == .accepted }
                            held = answer.grants.map(\.token)
                            if held.isEmpty { return done }
                        }
                    }
                }
                return try await group.reduce(0, +)
            }
            let seconds = started.duration(to: clock.now).inSeconds
            #expect(done == jobs)
            print("\(workers) workers: \(Int(Double(done) / seconds)) cycles a second")
        }
    }
}
