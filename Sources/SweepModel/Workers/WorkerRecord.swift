/// A worker as it introduces itself when it starts.
package struct WorkerRecord: Codable, Equatable, Sendable {
    /// Random id kept in the worker's folder: the identity of the worker.
    package var worker: WorkerID
    /// For people: the host's name, or what the user gave.
    package var name: String
    package var session: SessionID
    package var slots: Int
    package var threads: Int
    package var labels: [String: String]
    /// How many GPUs it has.
    package var gpus: Int
    /// Bytes of memory a job may use; 0 when not known.
    package var memory: UInt64
    /// Version of the program, for people.
    package var version: String
    /// Versions of the core's numerics that it runs, since protocol 2: jobs of the core go only to workers of
    /// their version. One that says nothing runs `CoreVersions.unnamed`.
    package var coreVersions: [String]?
    /// The GPUs one by one; a worker of the time before this knows their number alone.
    package var gpuDevices: [GPUDevice]?
    /// How many attempts may use one GPU at the same time; nil for one.
    package var gpuShare: Int?

    package init(
        worker: WorkerID, name: String, session: SessionID, slots: Int, threads: Int, labels: [String: String] = [:],
        gpus: Int = 0, memory: UInt64 = 0, version: String = "", coreVersions: [String]? = nil,
        gpuDevices: [GPUDevice]? = nil, gpuShare: Int? = nil
    ) {
        self.worker = worker
        self.name = name
        self.session = session
        self.slots = slots
        self.threads = threads
        self.labels = labels
        self.gpus = gpus
        self.memory = memory
        self.version = version
        self.coreVersions = coreVersions
        self.gpuDevices = gpuDevices
        self.gpuShare = gpuShare
    }

    /// What it has, for jobs.
    package var offer: WorkerOffer {
        WorkerOffer(
            labels: labels, devices: gpuDevices ?? (0..<gpus).map { GPUDevice(index: String($0)) },
            gpuShare: gpuShare ?? 1, slots: slots, memory: memory,
            coreVersions: coreVersions ?? CoreVersions.unnamed)
    }
}
