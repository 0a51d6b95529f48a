/** Error pages need no more than the frame. */
import '../dom/frame.js'
