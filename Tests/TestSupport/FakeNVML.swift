import Foundation

/// A library that stands for NVIDIA's where no such GPU is, made with the C compiler of the machine.
package struct FakeNVML: Sendable {
    package struct GPU: Sendable {
        package var name: String
        package var uuid: String
        /// `DOMAIN:BUS:DEVICE`, hexadecimal.
        package var address: String
        /// Bytes.
        package var memory: UInt64
        package var used: UInt64
        /// Percent.
        package var utilisation: Int

        package init(
            _ name: String, uuid: String, address: String, memory: UInt64, used: UInt64 = 0, utilisation: Int = 0
        ) {
            self.name = name
            self.uuid = uuid
            self.address = address
            self.memory = memory
            self.used = used
            self.utilisation = utilisation
        }
    }

    /// Of the library.
    package let path: String

    /// - Parameters:
    ///   - folder: gets the library.
    ///   - gpus: in the library's own order.
    ///   - more: further lines of its list.
    /// - Throws: Foundation's error, or ``NotBuilt``.
    package init(in folder: TemporaryFolder, _ gpus: [GPU], more: [String] = []) throws {
        path = folder.path + "/libfake-nvml.so"
        let compiler = Process()
        compiler.executableURL = URL(filePath: "/usr/bin/env")
        compiler.arguments = [
            "cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", path,
            SourceTree.path("Tests/TestSupport/fake_nvml.c"),
        ]
        try compiler.run()
        compiler.waitUntilExit()
        guard compiler.terminationStatus == 0 else { throw NotBuilt() }
        let lines =
            gpus.map { "\($0.name)|\($0.uuid)|\($0.address)|\($0.memory)|\($0.used)|\($0.utilisation)" } + more
        try folder.write("libfake-nvml.so.gpus", lines.joined(separator: "\n") + "\n")
    }

    package struct NotBuilt: Error {}
}
