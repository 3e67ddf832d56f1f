import Foundation
import Ports
import SweepModel
import Synchronization

/// What a GPU does at a moment.
struct GPUReading: Equatable, Sendable {
    /// Bytes, of all its programs together.
    var memoryUsed: UInt64
    /// Percent of the time in which it computed.
    var utilisation: Double

    static let memoryKey = "system/gpu_memory_mb"
    static let utilisationKey = "system/gpu_utilisation"

    /// As metrics of an attempt: memory in MB (10⁶ bytes), utilisation in percent.
    func points(step: Int64) -> [MetricPoint] {
        [
            MetricPoint(key: Self.memoryKey, step: step, value: Double(memoryUsed) / 1e6),
            MetricPoint(key: Self.utilisationKey, step: step, value: utilisation),
        ]
    }
}

/// Looks at a worker's GPUs every few seconds, on a thread of its own: a driver whose card has hung may never
/// answer, and nobody is to wait for that.
final class GPUMeter: Sendable {
    /// From one reading that an attempt notes to its next.
    static let pace: Duration = .seconds(10)
    private static let interval = 2.0
    /// A reading that is older tells of nobody's present.
    private static let stale = 30.0

    private struct State {
        var isRunning = false
        var readings: [GPUDevice: (reading: GPUReading, at: Date)] = [:]
    }

    private let devices: [GPUDevice]
    private let discovery: GPUDiscovery
    private let state = Mutex(State())

    init(_ devices: [GPUDevice], discovery: GPUDiscovery = GPUDiscovery()) {
        self.devices = devices
        self.discovery = discovery
    }

    func start() {
        let isFirst = state.withLock { state in
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard isFirst else { return }
        let (devices, discovery) = (devices, discovery)
        Thread.detachNewThread { [weak self] in
            let library = devices.contains { $0.vendor == .nvidia } ? NVMLibrary(path: discovery.library) : nil
            while true {
                for device in devices {
                    let reading =
                        device.vendor == .nvidia
                        ? library?.reading(uuid: device.uuid) : discovery.folders.reading(device)
                    guard let meter = self else { return }
                    if let reading { meter.note(reading, of: device) }
                }
                guard self?.state.withLock({ $0.isRunning }) ?? false else { return }
                Thread.sleep(forTimeInterval: Self.interval)
            }
        }
    }

    func stop() { state.withLock { $0.isRunning = false } }

    private func note(_ reading: GPUReading, of device: GPUDevice) {
        state.withLock { $0.readings[device] = (reading, Date()) }
    }

    /// Of these GPUs together: the memory of the fullest, which is the first to have none left, and the
    /// mean of what they compute.
    ///
    /// - Returns: nil without a recent reading of each.
    func newest(of gpus: [GPUDevice]) -> GPUReading? {
        guard !gpus.isEmpty else { return nil }
        let all = state.withLock { state in
            gpus.compactMap { state.readings[$0] }.filter { -$0.at.timeIntervalSinceNow < Self.stale }.map(\.reading)
        }
        guard all.count == gpus.count else { return nil }
        return GPUReading(
            memoryUsed: all.map(\.memoryUsed).max() ?? 0,
            utilisation: all.reduce(0) { $0 + $1.utilisation } / Double(all.count))
    }
}
