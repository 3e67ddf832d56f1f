package import RunSpec

/// One GPU of a worker.
package struct GPUDevice: Codable, Hashable, Sendable {
    package enum Vendor: String, Codable, Sendable, CaseIterable { case nvidia, amd, intel }

    package var vendor: Vendor
    /// What programs are told to use it by: its number among the GPUs of its vendor in the order of their PCI
    /// addresses, or what the worker itself was told.
    package var index: String
    /// The maker's id of this very card; empty where it has none.
    package var uuid: String
    /// For people, such as `NVIDIA GeForce RTX 4090`; empty where it is not known.
    package var name: String
    /// Bytes; 0 where it is not known.
    package var memory: UInt64

    package init(vendor: Vendor = .nvidia, index: String, uuid: String = "", name: String = "", memory: UInt64 = 0) {
        self.vendor = vendor
        self.index = index
        self.uuid = uuid
        self.name = name
        self.memory = memory
    }

    /// Whether a job with these needs may have it. Memory that is not known counts as enough.
    package func meets(_ needs: RequirementSpec) -> Bool {
        (memory == 0 || memory >= UInt64(needs.gpuMemoryBytes ?? 0)) && needs.allowsGPU(named: name)
    }

    /// Whether it has the memory that jobs like this were seen to use; unknown memory counts as enough.
    func holdsExpected(_ needs: RequirementSpec) -> Bool {
        memory == 0 || memory >= UInt64(clamping: needs.expectedGPUMemory ?? 0)
    }
}

extension [GPUDevice] {
    /// `2 × NVIDIA GeForce RTX 4090 25.8 GB, 1 × …`, for people.
    package var text: String {
        var counts: [(kind: String, count: Int)] = []
        for device in self {
            let size = device.memory == 0 ? "" : " " + WorkerOffer.size(device.memory)
            let kind = (device.name.isEmpty ? "GPU" : device.name) + size
            if let known = counts.firstIndex(where: { $0.kind == kind }) {
                counts[known].count += 1
            } else {
                counts.append((kind, 1))
            }
        }
        return counts.map { "\($0.count) × \($0.kind)" }.joined(separator: ", ")
    }
}
