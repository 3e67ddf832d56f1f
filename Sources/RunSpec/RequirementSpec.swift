/// What a worker must have to be given a job.
package struct RequirementSpec: Codable, Hashable, Sendable {
    package var labels: [String: String]
    /// GPUs of one worker, for the job alone; 0 where nothing is said.
    package var gpus: Int
    package var memoryBytes: Int
    /// Version of the core's numerics that it must run; nil where none is asked for. Never set by a sweep
    /// file.
    package var coreVersion: String?
    /// Memory that each of the GPUs must have, in bytes; nil for any.
    package var gpuMemoryBytes: Int?
    /// What the GPUs may be called: parts of their names with `|` between them; nil for anything.
    package var gpuNames: String?
    /// It leaves GPUs alone, also where the worker has some: the core trainer, and what says `gpus: 0`.
    package var leavesGPUs: Bool?
    /// Memory that runs like it were seen to use of one GPU, in bytes. A wish, no condition; never set by a
    /// sweep file.
    package var expectedGPUMemory: Int?

    package init(
        labels: [String: String] = [:], gpus: Int = 0, memoryBytes: Int = 0, coreVersion: String? = nil,
        gpuMemoryBytes: Int? = nil, gpuNames: String? = nil, leavesGPUs: Bool? = nil
    ) {
        self.labels = labels
        self.gpus = gpus
        self.memoryBytes = memoryBytes
        self.coreVersion = coreVersion
        self.gpuMemoryBytes = gpuMemoryBytes
        self.gpuNames = gpuNames
        self.leavesGPUs = leavesGPUs
    }

    /// Whether a GPU of this name is one of those that `gpuNames` names, in any case of letters.
    package func allowsGPU(named name: String) -> Bool {
        guard let gpuNames else { return true }
        let own = name.lowercased()
        return gpuNames.lowercased().split(separator: "|").contains { own.contains($0) }
    }
}
