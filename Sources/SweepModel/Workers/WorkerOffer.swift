package import RunSpec

/// What a worker has, for jobs that need something of it.
package struct WorkerOffer: Equatable, Sendable {
    package var labels: [String: String]
    package var gpus: Int
    /// Bytes; 0 when not known.
    package var memory: UInt64
    /// Versions of the core's numerics that it runs.
    package var coreVersions: [String]

    package init(labels: [String: String], gpus: Int, memory: UInt64, coreVersions: [String]) {
        self.labels = labels
        self.gpus = gpus
        self.memory = memory
        self.coreVersions = coreVersions
    }

    /// Whether a job with these needs may run there. Memory that is not known counts as enough.
    package func meets(_ needs: RequirementSpec) -> Bool {
        gpus >= needs.gpus && (needs.memoryBytes == 0 || memory == 0 || memory >= UInt64(needs.memoryBytes))
            && needs.coreVersion.map(coreVersions.contains) ?? true
            && needs.labels.allSatisfy { labels[$0.key] == $0.value }
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
        if gpus < needs.gpus { lacks.append(Lack(need: "\(needs.gpus) GPUs", has: "\(gpus)")) }
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

    package struct Lack: Equatable, Sendable {
        package var need: String
        package var has: String

        package init(need: String, has: String) {
            self.need = need
            self.has = has
        }
    }

    private static func size(_ bytes: UInt64) -> String {
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
