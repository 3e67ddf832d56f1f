import RunSpec
import SweepModel
import Testing

@Suite("Room on a worker")
struct WorkerCapacityTests {
    private static func offer(_ memories: [UInt64], slots: Int, share: Int = 1) -> WorkerOffer {
        WorkerOffer(
            labels: [:],
            devices: memories.enumerated().map {
                GPUDevice(index: String($0), uuid: "u\($0)", name: $1 > 20 ? "RTX A6000" : "RTX 3060", memory: $1)
            }, gpuShare: share, slots: slots)
    }

    @Test("a job of k GPUs takes k slots where each GPU has one, and its share where there are fewer")
    func slots() {
        let usual = Self.offer([1, 1, 1, 1], slots: 4)
        #expect([1, 2, 3, 4].map { usual.slotCost(RequirementSpec(gpus: $0)) } == [1, 2, 3, 4])
        let two = Self.offer([1, 1, 1, 1], slots: 2)
        #expect([1, 2, 3, 4].map { two.slotCost(RequirementSpec(gpus: $0)) } == [1, 1, 1, 2])
        let many = Self.offer([1, 1], slots: 8)
        #expect([1, 2].map { many.slotCost(RequirementSpec(gpus: $0)) } == [1, 2])
        #expect(usual.slotCost(RequirementSpec(leavesGPUs: true)) == 1)
    }

    @Test("one that says nothing gets one GPU where there are any; the core none")
    func unsaid() {
        let offer = Self.offer([1, 1], slots: 2)
        let all = WorkerCapacity(slots: 2, gpus: [0, 1])
        #expect(all.pick(RequirementSpec(), of: offer) == [0])
        #expect(all.pick(RequirementSpec(leavesGPUs: true), of: offer) == [])
        #expect(WorkerCapacity(slots: 2).pick(RequirementSpec(), of: offer) == nil)
        let none = WorkerOffer(labels: [:], slots: 1)
        #expect(WorkerCapacity(slots: 1).pick(RequirementSpec(), of: none) == [])
        #expect(!none.meets(RequirementSpec(gpus: 1)) && none.meets(RequirementSpec()))
    }

    @Test("the smallest GPUs that will do, each of them once, and those that fewest share")
    func choice() {
        let offer = Self.offer([24, 12, 24, 12], slots: 4)
        let all = WorkerCapacity(slots: 4, gpus: [0, 1, 2, 3])
        #expect(all.pick(RequirementSpec(gpus: 1), of: offer) == [1])
        #expect(all.pick(RequirementSpec(gpus: 3), of: offer) == [0, 1, 3])
        #expect(all.pick(RequirementSpec(gpus: 2, gpuMemoryBytes: 20), of: offer) == [0, 2])
        #expect(all.pick(RequirementSpec(gpus: 1, gpuNames: "4090|a6000"), of: offer) == [0])
        #expect(all.pick(RequirementSpec(gpus: 3, gpuMemoryBytes: 20), of: offer) == nil)
        #expect(!offer.meets(RequirementSpec(gpus: 3, gpuMemoryBytes: 20)))
        let shared = Self.offer([12, 12], slots: 4, share: 2)
        #expect(WorkerCapacity(slots: 2, gpus: [0, 1, 1]).pick(RequirementSpec(gpus: 1), of: shared) == [1])
        // Two places of one card are not two cards.
        #expect(WorkerCapacity(slots: 2, gpus: [1, 1]).pick(RequirementSpec(gpus: 2), of: shared) == nil)
    }

    @Test("what is kept for a job is what it could use, and no more")
    func kept() {
        let offer = Self.offer([24, 12, 24, 12], slots: 4)
        let needs = RequirementSpec(gpus: 2, gpuMemoryBytes: 20)
        let left = WorkerCapacity(slots: 4, gpus: [0, 1, 3]).keeping(needs, of: offer)
        #expect(left == WorkerCapacity(slots: 2, gpus: [1, 3]))
        #expect(
            WorkerCapacity(slots: 3, gpus: [0, 2, 3]).taking(needs, of: offer) == WorkerCapacity(slots: 1, gpus: [3]))
    }

    @Test("what is lacking is said by count, kind and memory")
    func lacks() {
        let offer = Self.offer([12_000_000_000], slots: 1)
        let needs = RequirementSpec(gpus: 2, gpuMemoryBytes: 20_000_000_000, gpuNames: "4090|A6000")
        #expect(
            offer.missing(needs) == [.init(need: "2 GPUs (4090|A6000) with 20.0 GB", has: "1 × RTX A6000 12.0 GB")])
    }
}
