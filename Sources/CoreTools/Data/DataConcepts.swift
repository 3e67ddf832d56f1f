package import CoreData

/// Makes the concept data that ships with the project: `data/concepts` and the one-concept `data/quickstart`.
package enum DataConcepts {
    package static let iconFolder = "/usr/share/icons/gnome/256x256"

    /// - Throws: `DataError` for a font, names or folders that cannot be used, `ImageFileError` or
    ///   Foundation's error if a file cannot be written.
    /// - Returns: the number of images written.
    package static func run(out: String, quickstart: String, progress: (String) -> Void) throws -> Int {
        var count = 0
        for family in HeldOutFamily.all {
            var step = DataEmoji(out: out)
            step.family = family.concept.name
            count += try step.run(progress: progress)
        }
        var icons = DataFolder(source: iconFolder, out: out, concept: iconConcept)
        icons.select = iconNames
        icons.licence = DataLicences.gnomeIcons
        count += try icons.run(progress: progress)
        var single = DataEmoji(out: quickstart)
        single.family = quickstartFamily
        return try count + single.run(progress: progress)
    }

    /// The concept that the quickstart trains on.
    package static let quickstartFamily = "cats"

    package static let iconConcept = Concept(
        folder: "3_gnome", trigger: TriggerTokens.all[2], className: "icon", kind: .style)

    /// Icons that show one thing a person can name.
    package static let iconNames: [String] = [
        "accessories-calculator=calculator", "accessories-dictionary=book", "accessories-text-editor=notepad",
        "audio-headphones=headphone", "audio-input-microphone=microphone", "audio-speakers=speaker", "battery=battery",
        "camera-photo=camera", "camera-web=webcam", "computer=desktop computer", "drive-harddisk=hard disk",
        "folder=folder", "folder-music=music folder", "folder-pictures=picture folder", "help-browser=life ring",
        "input-keyboard=keyboard", "input-mouse=mouse", "input-tablet=tablet", "media-floppy=floppy disk",
        "media-optical=optical disc", "multimedia-player=music player", "network-server=server", "phone=mobile phone",
        "printer=printer", "scanner=scanner", "user-home=house folder", "user-trash=trash can",
        "utilities-terminal=terminal", "video-display=television", "web-browser=earth globe",
    ]
}
