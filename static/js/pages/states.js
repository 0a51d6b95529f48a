/** The gallery needs no more than the frame. */
import '../dom/frame.js'
