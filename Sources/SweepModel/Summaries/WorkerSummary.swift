/// One worker in lists. Times are milliseconds since 1970.
package struct WorkerSummary: Codable, Equatable, Sendable {
    package var id: String
    package var name: String
    /// connected, silent, draining, stopped, suspended.
    package var state: String
    package var slots: Int
    package var busy: Int
    package var labels: [String: String]
    package var gpus: Int
    package var lastSeen: Int64
    /// Ids of the jobs it runs now.
    package var jobs: [String]
    /// Why it is in its state, since when, and the command that undoes it.
    package var reason: String?
    package var since: Int64?
    package var remedy: String?
    /// Bytes; 0 when not known.
    package var memory: Int64?
    package var coreVersions: [String]?
    package var gpuDevices: [GPUDevice]?
    package var gpuShare: Int?
    package init(
        id: String, name: String, state: String, slots: Int, busy: Int, labels: [String: String], gpus: Int,
        lastSeen: Int64, jobs: [String], reason: String? = nil, since: Int64? = nil, remedy: String? = nil,
        memory: Int64? = nil, coreVersions: [String]? = nil, gpuDevices: [GPUDevice]? = nil, gpuShare: Int? = nil
    ) {
        self.id = id
        self.name = name
        self.state = state
        self.slots = slots
        self.busy = busy
        self.labels = labels
        self.gpus = gpus
        self.lastSeen = lastSeen
        self.jobs = jobs
        self.reason = reason
        self.since = since
        self.remedy = remedy
        self.memory = memory
        self.coreVersions = coreVersions
        self.gpuDevices = gpuDevices
        self.gpuShare = gpuShare
    }
}
