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
    package var gpus: Int
    /// Bytes of memory a job may use; 0 when not known.
    package var memory: UInt64
    /// Version of the program, for people.
    package var version: String
    /// Versions of the core's numerics that it runs, since protocol 2: jobs of the core go only to workers of
    /// their version. One that says nothing runs `CoreVersions.unnamed`.
    package var coreVersions: [String]?

    package init(
        worker: WorkerID, name: String, session: SessionID, slots: Int, threads: Int, labels: [String: String] = [:],
        gpus: Int = 0, memory: UInt64 = 0, version: String = "", coreVersions: [String]? = nil
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
    }

    /// What it has, for jobs.
    package var offer: WorkerOffer {
        WorkerOffer(
            labels: labels, gpus: gpus, memory: memory, coreVersions: coreVersions ?? CoreVersions.unnamed)
    }
}
