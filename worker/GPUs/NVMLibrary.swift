import CNVML
import SweepModel

/// NVIDIA's management library, for as long as this lives.
// @unchecked: the library itself may be called from any thread.
final class NVMLibrary: @unchecked Sendable {
    static let usualPath = "libnvidia-ml.so.1"

    private let library: OpaquePointer

    /// - Parameter trouble: hears why a library that is there cannot be used.
    /// - Returns: nil where it is not there, or cannot be used.
    init?(path: String = usualPath, trouble: (String) -> Void = { _ in }) {
        var error = [CChar](repeating: 0, count: 512)
        guard let opened = cnvml_open(path, &error, Int32(error.count)) else {
            let text = Self.text(error)
            if !text.isEmpty { trouble(text) }
            return nil
        }
        library = opened
    }

    deinit { cnvml_close(library) }

    /// NVIDIA's GPUs, numbered in the order of their PCI addresses, as CUDA numbers them under
    /// `CUDA_DEVICE_ORDER=PCI_BUS_ID`. One that cannot be asked (it fell off its bus) keeps its number only
    /// where the library still counts it, and is left out.
    func devices(trouble: (String) -> Void = { _ in }) -> [GPUDevice] {
        var found: [(address: [UInt32], device: GPUDevice)] = []
        for index in 0..<max(0, cnvml_count(library)) {
            var one = cnvml_device()
            let status = cnvml_describe(library, index, &one)
            guard status == 0 else {
                trouble("GPU \(index) of the driver cannot be asked (NVML error \(status)); it is left out")
                continue
            }
            found.append(
                (
                    [one.domain, one.bus, one.device],
                    GPUDevice(
                        vendor: .nvidia, index: "", uuid: withUnsafeBytes(of: one.uuid) { Self.text($0) },
                        name: withUnsafeBytes(of: one.name) { Self.text($0) }, memory: one.memory)
                ))
        }
        found.sort { $0.address.lexicographicallyPrecedes($1.address) }
        return found.enumerated().map { number, one in
            var device = one.device
            device.index = String(number)
            return device
        }
    }

    /// - Returns: nil where it cannot be told.
    func reading(uuid: String) -> GPUReading? {
        var reading = cnvml_reading()
        guard cnvml_read(library, uuid, &reading) == 0 else { return nil }
        return GPUReading(memoryUsed: reading.memory_used, utilisation: Double(reading.utilisation))
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
