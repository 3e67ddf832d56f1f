import Ports
import RunSpec
import SweepModel
import SweepWire
import Testing
import WorkerCore

@Suite("GPUs in the worker's core")
struct GPUTests {
    private static func grant(_ job: Int, gpus: Int, attempt: Int = 1) -> Grant {
        var grant = Bench.grant(job, attempt: attempt)
        grant.job.requirements.gpus = gpus
        return grant
    }

    private func running(_ effects: [WorkerEffect]) -> [Int: [Int]] {
        effects.reduce(into: [:]) { found, effect in
            if case .run(let grant, let gpus) = effect {
                for job in 1...9 where Bench.token(job).job == grant.token.job { found[job] = gpus }
            }
        }
    }

    private func asked(_ effects: [WorkerEffect]) -> ExchangeRequest? {
        effects.compactMap { if case .exchange(let request) = $0 { request } else { nil } }.last
    }

    @Test("each attempt has GPUs of its own, and asking names those that are left")
    func own() throws {
        var (bench, first) = Bench.registered(slots: 2, gpus: 4)
        #expect(asked(first)?.freeGPUs == [0, 1, 2, 3] && asked(first)?.freeSlots == 2)
        let effects = bench.answer(1, grants: [Self.grant(1, gpus: 1), Self.grant(2, gpus: 3)])
        #expect(running(effects) == [1: [0], 2: [1, 2, 3]])
        #expect(asked(effects) == nil)  // no slot is left
        let ended = bench.send(.ended(Bench.token(2), .stopped))
        // It gives its three back with the end of its trainer, before its report is even sent.
        #expect(asked(ended)?.freeGPUs == [1, 2, 3] && asked(ended)?.freeSlots == 1)
    }

    @Test("a superseded attempt holds its GPU until its trainer has ended, whatever else it has lost")
    func superseded() throws {
        var (bench, _) = Bench.registered(slots: 2, gpus: 2)
        #expect(running(bench.answer(1, grants: [Self.grant(1, gpus: 1)])) == [1: [0]])
        let effects = bench.heartbeatAnswer([(Bench.token(1), .superseded)])
        #expect(effects.contains(.kill(Bench.token(1))))
        #expect(running(bench.answer(2, grants: [Self.grant(2, gpus: 1)])) == [2: [1]])
        _ = bench.send(.ended(Bench.token(1), .stopped))
        #expect(running(bench.answer(3, grants: [Self.grant(3, gpus: 1)])) == [3: [0]])
    }

    @Test("a job for which there is no GPU is given back, and never shares one")
    func tooMuch() throws {
        var (bench, _) = Bench.registered(slots: 2, gpus: 2)
        let effects = bench.answer(1, grants: [Self.grant(1, gpus: 1), Self.grant(2, gpus: 2)])
        #expect(running(effects) == [1: [0]])
        #expect(effects.contains(.spool(Bench.token(2), .released(ReleaseReport(reason: .restart)))))
    }

    @Test("two may share a GPU where the user says so")
    func shared() throws {
        var (bench, first) = Bench.registered(slots: 4, gpus: 2, share: 2)
        #expect(asked(first)?.freeGPUs == [0, 0, 1, 1])
        let grants = (1...4).map { Self.grant($0, gpus: 1) }
        #expect(running(bench.answer(1, grants: grants)) == [1: [0], 2: [1], 3: [0], 4: [1]])
    }

    @Test("the core trainer takes no GPU, and a worker without GPUs names none")
    func core() throws {
        var (bench, _) = Bench.registered(slots: 2, gpus: 1)
        var grant = Self.grant(1, gpus: 0)
        grant.job.trainer = .core
        #expect(running(bench.answer(1, grants: [grant, Self.grant(2, gpus: 0)])) == [1: [], 2: [0]])
        let (_, effects) = Bench.registered(slots: 1)
        #expect(asked(effects)?.freeGPUs == nil)
    }
}
