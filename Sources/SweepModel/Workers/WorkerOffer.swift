package import RunSpec

/// What a worker has, for jobs that need something of it.
package struct WorkerOffer: Equatable, Sendable {
    package var labels: [String: String]
    package var devices: [GPUDevice]
    /// How many attempts may use one GPU at the same time.
    package var gpuShare: Int
    /// Jobs at the same time.
    package var slots: Int
    /// Bytes; 0 when not known.
    package var memory: UInt64
    /// Versions of the core's numerics that it runs.
    package var coreVersions: [String]

    package init(
        labels: [String: String], devices: [GPUDevice] = [], gpuShare: Int = 1, slots: Int = 1, memory: UInt64 = 0,
        coreVersions: [String] = CoreVersions.supported
    ) {
        self.labels = labels
        self.devices = devices
        self.gpuShare = max(1, gpuShare)
        self.slots = slots
        self.memory = memory
        self.coreVersions = coreVersions
    }

    /// How many GPUs a job with these needs gets here. One that says nothing gets one where there are any.
    package func gpuCount(_ needs: RequirementSpec) -> Int {
        if needs.gpus > 0 { return needs.gpus }
        return needs.leavesGPUs == true ? 0 : min(1, devices.count)
    }

    /// How many of the slots a job with these needs takes: one for each GPU; where there are fewer slots than
    /// places on GPUs, its share of them.
    package func slotCost(_ needs: RequirementSpec) -> Int {
        let count = gpuCount(needs)
        guard count > 1, !devices.isEmpty else { return 1 }
        return max(1, min(count, count * slots / (devices.count * gpuShare)))
    }

    /// Whether a job with these needs may run there, once there is room. Memory that is not known counts as
    /// enough.
    package func meets(_ needs: RequirementSpec) -> Bool {
        meetsGPUs(needs) && (needs.memoryBytes == 0 || memory == 0 || memory >= UInt64(needs.memoryBytes))
            && needs.coreVersion.map(coreVersions.contains) ?? true
            && needs.labels.allSatisfy { labels[$0.key] == $0.value }
    }

    private func meetsGPUs(_ needs: RequirementSpec) -> Bool {
        needs.gpus == 0 || devices.count { $0.meets(needs) } >= needs.gpus
    }

    /// Whether as many of its GPUs as the job needs have the memory that such jobs were seen to use.
    package func holdsExpected(_ needs: RequirementSpec) -> Bool {
        devices.count { $0.meets(needs) && $0.holdsExpected(needs) } >= gpuCount(needs)
    }

    /// What of the needs it lacks, and what it has instead: `label gpu=a100 (it has gpu=t4)`.
    package func missing(_ needs: RequirementSpec) -> [Lack] {
        var lacks: [Lack] = []
        for (key, value) in needs.labels.sorted(by: { $0.key < $1.key }) where labels[key] != value {
            let all = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
            lacks.append(
                Lack(
                    need: "label \(key)=\(value)",
                    has: labels[key].map { "\(key)=\($0)" } ?? (all.isEmpty ? "no labels" : "labels \(all)")))
        }
        if !meetsGPUs(needs) {
            lacks.append(Lack(need: Self.gpuText(needs), has: devices.isEmpty ? "none" : devices.text))
        }
        if needs.memoryBytes > 0, memory > 0, memory < UInt64(needs.memoryBytes) {
            lacks.append(
                Lack(need: "\(Self.size(UInt64(needs.memoryBytes))) of memory", has: Self.size(memory)))
        }
        if let version = needs.coreVersion, !coreVersions.contains(version) {
            let own = coreVersions.isEmpty ? "none" : coreVersions.joined(separator: ", ")
            lacks.append(Lack(need: "core version \(version)", has: "core version \(own)"))
        }
        return lacks
    }

    /// `2 GPUs (4090|A6000) with 20.0 GB`.
    package static func gpuText(_ needs: RequirementSpec) -> String {
        let count = max(1, needs.gpus)
        return (count == 1 ? "1 GPU" : "\(count) GPUs") + (needs.gpuNames.map { " (\($0))" } ?? "")
            + (needs.gpuMemoryBytes.map { " with \(size(UInt64(clamping: $0)))" } ?? "")
    }

    package struct Lack: Equatable, Sendable {
        package var need: String
        package var has: String

        package init(need: String, has: String) {
            self.need = need
            self.has = has
        }
    }

    static func size(_ bytes: UInt64) -> String {
        let tenths = (bytes &+ 50_000_000) / 100_000_000
        return "\(tenths / 10).\(tenths % 10) GB"
    }
}

/// Versions of the core's numerics that are told apart when jobs are handed out.
package enum CoreVersions {
    /// What a worker runs that names none: it is of the time before workers did.
    package static let unnamed = ["1.1"]
    /// What this program runs. What a job of "1.1" computes has not changed since.
    package static let supported = JobIdentity.coreVersions
}
